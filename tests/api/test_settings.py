"""Settings: where they come from, and what they refuse; keys: what is kept of them."""

from pathlib import Path

import pytest

from api.keys import KeyRing, Principal, Scope, create_key, read_keys
from api.settings import Settings
from twin.errors import InvalidInputError, OptionsError


def test_arguments_go_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    """Each source is overruled by the one before it."""
    file = tmp_path / "settings.yaml"
    file.write_text("port: 1\nheartbeat_s: 2\ntick_s: 3\n")
    found = Settings.load(
        file, {"LINETWIN_PORT": "10", "LINETWIN_HEARTBEAT_S": "20"}, port=100, host=None
    )
    assert (found.port, found.heartbeat_s, found.tick_s) == (100, 20.0, 3.0)
    assert found.host == "127.0.0.1"


def test_every_wrong_setting_is_told(tmp_path: Path) -> None:
    """Unknown names and impossible values are told together, by name."""
    file = tmp_path / "settings.yaml"
    file.write_text("prot: 1\nport: 99999\ntick_s: .nan\n")
    with pytest.raises(OptionsError) as caught:
        Settings.load(file, {})
    assert {finding.path for finding in caught.value.findings} == {"prot", "port", "tick_s"}


def test_a_wrong_setting_is_told_where_it_stands(tmp_path: Path) -> None:
    """What the file says is told with file and line; what an argument says is not."""
    file = tmp_path / "settings.yaml"
    file.write_text("tick_s: 3\nprot: 1\nheartbeat_s: -1\n")
    with pytest.raises(OptionsError) as caught:
        Settings.load(file, {}, port=99999, heartbeat_s=-2)
    places = {item.path: (item.file, item.line) for item in caught.value.findings}
    assert places == {"prot": (str(file), 2), "port": ("", 0), "heartbeat_s": ("", 0)}
    (unknown,) = [item for item in caught.value.findings if item.path == "prot"]
    assert unknown.remedy == "write 'port', or remove it"


@pytest.mark.parametrize("text", ["- a\n", "a: [\n", "\x00"])
def test_a_file_that_is_none_is_told(tmp_path: Path, text: str) -> None:
    """What is no YAML mapping is refused with the file's name."""
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    with pytest.raises(OptionsError, match=r"settings\.yaml"):
        Settings.load(file, {})


def test_a_page_without_key_is_for_this_machine_only() -> None:
    """Listening beyond loopback with an open page is refused; with keys it is not."""
    with pytest.raises(OptionsError, match="page_access"):
        Settings.load(None, {}, host="0.0.0.0")
    assert Settings.load(None, {}, host="0.0.0.0", page_access="key").hosts is None


def test_the_key_itself_is_not_kept(tmp_path: Path) -> None:
    """The file holds a hash, and only its owner may read it."""
    path = tmp_path / "keys.json"
    key = create_key(path, "mes", Scope.READ)
    assert key not in path.read_text()
    assert key.rsplit("_", 1)[1] not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    ring = KeyRing(path)
    ring.open()
    (record,) = read_keys(path)
    assert ring.principal(key) == Principal(record.id, Scope.READ)
    assert ring.principal(key[:-1] + ("a" if key[-1] != "a" else "b")) is None


def test_sessions_outlive_a_restart_but_not_their_key(tmp_path: Path) -> None:
    """A session of a key counts in the next process, until the key is revoked."""
    path = tmp_path / "keys.json"
    first = KeyRing(path)
    first.open()
    holder = first.principal(create_key(path, "planner"))
    assert holder is not None
    cookie = first.session(holder)
    second = KeyRing(path)
    second.open()
    found = second.by_session(cookie)
    assert found == Principal(holder.id, Scope.WRITE, by_cookie=True)
    path.unlink()
    assert second.by_session(cookie) is None


def test_a_damaged_key_file_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    """Making a key must not throw away those that cannot be read."""
    path = tmp_path / "keys.json"
    path.write_text('[{"id": "x"}]')
    with pytest.raises(InvalidInputError, match=r"keys\.json"):
        create_key(path, "new")
    assert path.read_text() == '[{"id": "x"}]'
