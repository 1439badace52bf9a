"""Reading a settings file: what is taken, and that every mistake is told with its place and its mend."""

from pathlib import Path

import pytest

from config.load import SettingsError, key_path, known_keys, load, load_if_there, parse
from config.settings import Settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rcq.toml"


def problems(file: Path, text: str) -> list[str]:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load(file)
    assert refused.value.file == file
    assert all(line.startswith(f"{file}: ") for line in str(refused.value).splitlines())
    return refused.value.problems


def test_no_file_means_defaults() -> None:
    assert load(None) == Settings()


def test_what_the_file_says_is_taken_and_the_rest_is_default(file: Path) -> None:
    file.write_text('[engine]\nstate_dir = "/srv/rcq"\npass_interval_s = 2\n[[gpu.simulated]]\ncount = 3\n')
    settings = load(file)
    assert settings.engine.state_dir == Path("/srv/rcq")
    assert settings.engine.pass_interval_s == 2.0
    assert [card.count for card in settings.gpu.simulated] == [3]
    assert settings.engine.sample_interval_s == Settings().engine.sample_interval_s
    assert settings.scheduling == Settings().scheduling


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(file: Path) -> None:
    file.write_bytes(b'\xef\xbb\xbf[scheduling]\r\npolicy = "aging"\r\n')
    assert load(file).scheduling.policy == "aging"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[engine]\npass_intervall_s = 3\n", "engine.pass_intervall_s: unknown key. Did you mean pass_interval_s?"),
        ("[termal]\n", "termal: unknown group. Did you mean thermal?"),
        (
            "[[gpu.simulated]]\n[[gpu.simulated]]\nmodle = 'x'\n",
            "gpu.simulated[1].modle: unknown key. Did you mean model?",
        ),
        ("[power]\nqqq = 1\n", "power.qqq: unknown key. Known here: budget_w, idle_w."),
        ("threshold_c = 75\n", "threshold_c: unknown group."),
        ("[thermal]\nthreshold_c = 151\n", "thermal.threshold_c: must be less than or equal to 150, not 151."),
        ("[engine]\npass_interval_s = '3'\n", 'engine.pass_interval_s: must be a number, not "3".'),
        ("[engine]\nsample_interval_s = nan\n", "engine.sample_interval_s: must be a finite number, not NaN."),
        ("[engine]\nstall_after_s = inf\n", "engine.stall_after_s: must be a finite number, not Infinity."),
        ("[engine]\npass_interval_s = 0\n", "engine.pass_interval_s: must be greater than 0, not 0."),
        ("[engine]\nsocket = 3\n", "engine.socket: must be a path in quotes, not 3."),
        ("[auth]\npeer = 1\n", "auth.peer: must be true or false, not 1."),
        ("[auth]\nbcrypt_rounds = true\n", "auth.bcrypt_rounds: must be a whole number, not true."),
        ("[auth]\nlockout_failures = 2.0\n", "auth.lockout_failures: must be a whole number, not 2.0."),
        ("[auth]\nsession_days = 31\n", "auth.session_days: must be less than or equal to 30, not 31."),
        ("[gpu]\nprovider = 'amd'\n", "gpu.provider: must be 'auto', 'nvml', 'simulated' or 'none', not \"amd\"."),
        ("[gpu]\nread_timeout_s = 1e9\n", "gpu.read_timeout_s: must be less than or equal to 3600, not 1000000000.0."),
        ("[gpu]\nsimulated = 4\n", "gpu.simulated: must be a list of groups, each under [[gpu.simulated]], not 4."),
        ("engine = 3\n", "engine: must be a group with keys of its own, not 3."),
        ("[[engine]]\n", "engine: must be a group with keys of its own."),
        ("[thermal]\nresume_c = 80\n", "thermal: resume_c must not be above threshold_c."),
        ("[[gpu.simulated]]\nidle_w = 301\n", "gpu.simulated[0]: idle_w must not be above limit_w."),
        (
            "[scheduling]\nmax_time_limit_s = 60\n",
            "scheduling: default_time_limit_s must not be above max_time_limit_s.",
        ),
        ("[engine]\nx = \n", "is not TOML: "),
        ("[engine]\n[engine]\n", "is not TOML: "),
    ],
)
def test_a_mistake_is_told_with_its_place(file: Path, text: str, said: str) -> None:
    told = problems(file, text)
    assert len(told) == 1
    assert told[0].startswith(said)


def test_all_mistakes_are_told_at_once(file: Path) -> None:
    told = problems(file, "[engine]\npass_interval = 3\nstall_after_s = 'x'\n[scheduling]\npolicy = 'fifo'\n")
    assert len(told) == 3


def test_text_that_is_not_utf8_is_refused(file: Path) -> None:
    file.write_bytes(b"[engine]\n# caf\xe9\n")
    with pytest.raises(SettingsError, match="not UTF-8 text at byte 14"):
        load(file)


def test_a_file_that_was_asked_for_and_is_not_there_is_refused(file: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        load(file)


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        load(tmp_path)


def test_the_usual_place_may_be_empty_but_not_broken(file: Path) -> None:
    assert load_if_there(file) == Settings()
    assert load_if_there(file / "below") == Settings()
    file.symlink_to(file.parent / "nowhere")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_if_there(file)


def test_key_paths_are_written_as_people_write_them() -> None:
    assert key_path(("gpu", "simulated", 2, "model")) == "gpu.simulated[2].model"


def test_known_keys_are_found_in_lists_of_groups_too() -> None:
    assert "power" in known_keys(())
    assert known_keys(("power",)) == {"budget_w", "idle_w"}
    assert "start_c" in known_keys(("gpu", "simulated", 0))


def test_known_keys_are_found_in_groups_that_the_file_names_itself() -> None:
    assert known_keys(("slurm", "cards", "a100")) == {"model", "memory_mb"}
    with pytest.raises(SettingsError, match=r"slurm\.cards\.a100\.modle: unknown key\. Did you mean model\?"):
        parse("[slurm.cards.a100]\nmodle = 'x'\n", Path("f"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[executor]\nkind = 'slurm'\noverflow = 'slurm'\n", "executor: overflow is for another kind"),
        ("[slurm]\nextra = ['--requeue']\n", "slurm: extra must not have --requeue: rcq decides that itself"),
        ("[slurm]\nextra = ['-p gpu']\n", r"slurm\.extra\[0\]: "),
        ("[slurm]\npartition = '-x'\n", r"slurm\.partition: "),
    ],
)
def test_what_slurm_could_not_be_given_is_refused(text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        parse(text, Path("f"))


def test_options_of_the_cluster_are_taken() -> None:
    settings = parse("[slurm]\npartition = 'a,b'\nextra = ['--constraint=ib&a100', '--exclusive']\n", Path("f"))
    assert settings.slurm.extra == ["--constraint=ib&a100", "--exclusive"]
