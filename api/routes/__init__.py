"""The routes of the API, one file per noun.

========================================  ======  ==============================================
route                                     scope   answer
========================================  ======  ==============================================
GET    /healthz                           -       Health: the process lives
GET    /readyz                            -       Health: store, workers, mirrors; 503 when not
GET    /openapi.json, /docs, /docs/{f}    -       the API's own description, offline
GET    /v1/session                       read    SessionView: who asks, and their scope
POST   /v1/session                        -       204; takes {"key": ...}, sets the page's cookie
DELETE /v1/session                        -       204; takes the cookie away
GET    /v1/lines                          read    Page[LineSummary]
GET    /v1/lines/{id}                     read    LineSummary
GET    /v1/lines/{id}/model               read    the line document (ETag, If-None-Match)
GET    /v1/lines/{id}/state               read    LineStateView
GET    /v1/lines/{id}/kpis?window_s=      read    KpiView
GET    /v1/lines/{id}/forecaster          read    ForecasterView
GET    /v1/lines/{id}/fit?window_s=       read    ModelFit
GET    /v1/lines/{id}/exports/{subject}   read    a file; ?format=csv|xlsx|parquet|json|yaml
GET    /v1/runs/{id}/export               read    a file; ?format=
GET    /v1/line-template                  read    a workbook or line file to begin with
POST   /v1/lines                          write   201 LineSummary; a workbook
POST   /v1/lines/{id}/scenario-workbook   write   201 Page[ScenarioView]; a workbook
POST   /v1/scenarios                      write   201 ScenarioView (Location, ETag)
GET    /v1/scenarios?line_id=             read    Page[ScenarioView]
GET    /v1/scenarios/{id}                 read    ScenarioView (ETag)
PATCH  /v1/scenarios/{id}                 write   ScenarioView (If-Match is honoured)
DELETE /v1/scenarios/{id}                 write   204
POST   /v1/scenarios/{id}/runs            write   202 Job (Location: /v1/jobs/{id}); RunIn
GET    /v1/runs?line_id=                  read    Page[RunView]
GET    /v1/runs/{id}                      read    RunView
GET    /v1/runs/{id}/results              read    RunResults; 409 while it runs
POST   /v1/schedules                      write   202 Job; ScheduleIn
GET    /v1/schedules?line_id=             read    Page[ScheduleView], without results
GET    /v1/schedules/{id}                 read    ScheduleView
POST   /v1/forecasts                      write   202 Job; ForecastIn
GET    /v1/forecasts?line_id=             read    Page[ForecastView], without results
GET    /v1/forecasts/{id}                 read    ForecastView
POST   /v1/order-promises                 read    OrderPromise; OrderPromiseRequest
GET    /v1/jobs?status=&line_id=          read    Page[Job]
GET    /v1/jobs/{id}                      read    Job
POST   /v1/jobs/{id}:cancel               write   202 Job
GET    /v1/events?line_id=                read    server-sent events, see EventKind
========================================  ======  ==============================================

A job's ``subject_id`` is the id of the run, schedule or forecast that it makes. POSTs that create
take an ``Idempotency-Key``. Errors are always ``application/problem+json``, see ``Problem``.
"""
