"""Terms and quotas of a simulation out of a TOML file: read, and refused with the place and the mend."""

import pytest

from engine.core.quota import Quota
from engine.core.snapshot import GroupTerms
from engine.daemon.terms import TermsError, read_terms


def read(tmp_path, text):
    path = tmp_path / "terms.toml"
    path.write_text(text)
    return read_terms(path)


def test_everything_that_can_be_said(tmp_path):
    terms = read(
        tmp_path,
        """
        [[groups]]
        name = "vision"
        priority = 7
        share = 0.5
        guarantee_gpus = 2
        quota = { gpus = 4, gpus_by_type = { "A100  80GB" = 1 }, gpu_hours = 10.5 }
        [[groups]]
        name = "lab"
        [[accounts]]
        name = "ann"
        quota = { jobs = 3 }
        [[services]]
        name = "alphafold"
        jobs_per_account = 5
        quota = { gpus = 2 }
        """,
    )
    assert terms.groups == {"vision": GroupTerms(priority=7, share=0.5, guarantee_gpus=2), "lab": GroupTerms()}
    assert terms.quotas.groups["vision"] == Quota(gpus=4, gpus_by_type={"a100 80gb": 1}, gpu_hours=10.5)
    assert terms.quotas.accounts == {"ann": Quota(jobs=3)}
    assert terms.quotas.services == {"alphafold": 5}
    assert terms.quotas.service_totals == {"alphafold": Quota(gpus=2)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[group]]\nname='a'", "unknown key group; did you mean groups"),
        ("[groups]\nname='a'", r"\[\[groups\]\], each with a name"),
        ("[[groups]]\nshare=1", r"\[\[groups\]\], each with a name"),
        ("[[groups]]\nname='a'\nshares=1", "groups a: unknown key shares; did you mean share"),
        ("[[groups]]\nname='a'\npriority=11", r"a.priority is 11; .* 1 to 10"),
        ("[[groups]]\nname='a'\nshare=-1", r"a.share is -1"),
        ("[[groups]]\nname='a'\nshare=inf", r"a.share is inf"),
        ("[[groups]]\nname='a'\nquota={gpu=1}", "a.quota: unknown key gpu; did you mean gpus"),
        ("[[groups]]\nname='a'\nquota={gpus='two'}", "a.gpus is 'two'"),
        ("[[groups]]\nname='a'\nquota=3", "a.quota is a table"),
        ("[[groups]", r"\[\[groups\]\] is wanted"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path, text, said):
    with pytest.raises(TermsError, match=said) as found:
        read(tmp_path, text)
    assert "terms.toml" in str(found.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(TermsError, match=r"none\.toml"):
        read_terms(tmp_path / "none.toml")
