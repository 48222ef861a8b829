"""What may change while the gateway runs, and what a reload refuses."""

from pathlib import Path

import pytest

from services.live.succession import LIVE, Outcome, compared, files, reread, taken_up
from services.live.watch import Watched
from services.settings import FROM_FILE, BadSetting, Settings


def environ(folder: Path, **texts: str) -> dict[str, str]:
    """Settings in files of the folder, by their names."""
    for name, text in texts.items():
        (folder / name).write_text(text)
    return {"HOME": str(folder), "CLI2API_STATE_DIR": "/never/made", **{f"{name}_FILE": str(folder / name) for name in texts}}


def test_what_may_change_can_come_from_a_file() -> None:
    assert set(LIVE) <= set(FROM_FILE)


def test_each_change_is_named_once_and_what_needs_a_restart_is_named_until_there_is_one(tmp_path: Path) -> None:
    given = environ(tmp_path, MULERUN_TOKEN="a", MULERUN_STUDIO_TOKEN="b", CLI2API_API_KEYS="k", CLI2API_USAGE_DSN="memory:")
    held = Settings.read(given)
    environ(tmp_path, MULERUN_TOKEN="c", MULERUN_STUDIO_TOKEN="d", CLI2API_API_KEYS="k", CLI2API_USAGE_DSN="")

    now = reread(held, given)

    assert compared(held, now) == Outcome(changed=("credential",), needs_restart=("CLI2API_USAGE_DSN",))
    held = taken_up(held, now)
    assert held.mulerun_token.get_secret_value() == "c"
    assert compared(held, now) == Outcome(needs_restart=("CLI2API_USAGE_DSN",))


def test_a_gateway_that_asks_for_keys_is_never_opened_by_a_reload(tmp_path: Path) -> None:
    given = environ(tmp_path, CLI2API_API_KEYS="sk-one")
    held = Settings.read(given)
    environ(tmp_path, CLI2API_API_KEYS="\n")

    with pytest.raises(BadSetting, match="CLI2API_API_KEYS has no key any more"):
        reread(held, given)


def test_an_open_gateway_may_be_given_keys(tmp_path: Path) -> None:
    given = environ(tmp_path, CLI2API_API_KEYS="")
    held = Settings.read(given)
    environ(tmp_path, CLI2API_API_KEYS="sk-one")

    assert reread(held, given).api_keys == ("sk-one",)


def test_a_file_that_is_gone_is_refused_by_name(tmp_path: Path) -> None:
    given = environ(tmp_path, CLI2API_MODEL_ALIASES="a=sora-2\nb=sora-2")
    held = Settings.read(given)
    assert held.model_aliases == {"a": "sora-2", "b": "sora-2"}
    (tmp_path / "CLI2API_MODEL_ALIASES").unlink()

    with pytest.raises(BadSetting, match=r"CLI2API_MODEL_ALIASES_FILE is .* which cannot be read"):
        reread(held, given)


def test_only_files_of_what_may_change_are_watched(tmp_path: Path) -> None:
    given = environ(tmp_path, CLI2API_API_KEYS="k", CLI2API_USAGE_DSN="memory:")

    assert files(given) == (tmp_path / "CLI2API_API_KEYS",)


def test_of_two_outcomes_the_refusal_counts() -> None:
    both = Outcome(changed=("keys",)).and_also(Outcome(refused="no")).and_also(Outcome(changed=("keys", "aliases")))

    assert both == Outcome(changed=("keys", "aliases"), refused="no")


def test_a_change_counts_when_a_second_look_agrees_and_only_once(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("a")
    watched = Watched([file, tmp_path / "never there"])
    assert not watched.have_changed()

    file.write_text("half")
    assert not watched.have_changed()
    file.write_text("half and half")
    assert not watched.have_changed()
    assert watched.have_changed()
    assert not watched.have_changed()


def test_a_file_that_is_replaced_removed_or_made_has_changed(tmp_path: Path) -> None:
    file, draft = tmp_path / "keys", tmp_path / "draft"
    file.write_text("same")
    watched = Watched([file])
    draft.write_text("same")

    for change in (lambda: draft.replace(file), file.unlink, lambda: file.write_text("same")):
        change()
        assert [watched.have_changed() for _ in range(3)] == [False, True, False]
