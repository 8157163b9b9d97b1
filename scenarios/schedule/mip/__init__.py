"""The Pyomo model of the problem, solved by HiGHS. Imported only when it is asked for."""
