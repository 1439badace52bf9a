"""The words for a job's place in the order."""

from rcq_tui.viewmodel.scores import patience_sentence, run_sentence, score_words

FACTORS = {"score": 1.5, "base": 10.0, "fair": 0.5, "wait": 1.2, "short": 0.25}


def test_a_score_with_its_factors_or_without() -> None:
    assert score_words(FACTORS) == "1.50 = base 10 × fair 0.50 × wait 1.20 × short 0.25"
    assert score_words({**FACTORS, "short": None}) == "1.50 = base 10 × fair 0.50 × wait 1.20"
    assert score_words({"score": 7.0, "base": None, "fair": None, "wait": None, "short": None}) == "7.00"


def test_what_an_expected_run_rests_on() -> None:
    told = {"run_s": 90.0, "runs": 1, "alike": True}
    assert run_sentence(told) == "It is expected to run 1m30s: as 1 earlier run of this kind took."
    by_owner = run_sentence({**told, "runs": 9, "alike": False})
    assert "9 earlier jobs of its owner used such a part of their limits." in by_owner
    assert run_sentence({"run_s": 60.0, "runs": 0, "alike": False}) == "It is expected to run 1m00s: its time limit."
    assert run_sentence({}) == patience_sentence({}) == ""
