"""What is remembered of headers' names: few and short ones."""

from services.upstream.headers import remembering


def test_names_are_judged_once_and_long_ones_are_not_kept() -> None:
    judged: list[str] = []

    def judge(name: str) -> bool:
        judged.append(name)
        return name == "good"

    judge_again = remembering(judge)

    assert [judge_again(name) for name in ("good", "good", "bad", "x" * 65, "x" * 65)] == [True, True, False, False, False]
    assert judged == ["good", "bad", "x" * 65, "x" * 65]
