import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronicle.setting_sources import SettingsError, Source
from chronicle.settings import FIELDS, Settings, load

DOCS = Path(__file__).parents[1] / "docs" / "settings.md"
PRODUCTION = {
    "CHRONICLE_ENV": "production",
    "CHRONICLE_BASE_URL": "https://example.org",
    "CHRONICLE_KEYS_FILE": "/etc/chronicle/keys.json",
}


def problems_of(environ: dict[str, str], dotenv_path: Path | None = None) -> dict[str, str]:
    """Every mistake that loading reports, by name; empty if it loads."""
    try:
        load(environ, dotenv_path)
    except SettingsError as error:
        return {problem.name: problem.message for problem in error.problems}
    return {}


def dotenv(folder: Path, text: str) -> Path:
    path = folder / ".env"
    path.write_text(text)
    return path


def test_nothing_set_gives_a_development_instance_on_this_machine() -> None:
    settings = load({})
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.base_url == "http://localhost:8000"
    assert settings.keys_file == settings.data_dir / "keys.json"
    assert settings.database_path == settings.data_dir / "chronicle.db"
    assert settings.valkey_url is None
    assert settings.mail_from == "Chronicle <no-reply@localhost>"
    assert settings.ledger_origin == "localhost:8000/api/web3/log"
    assert not settings.production


def test_the_environment_wins_over_dotenv_and_dotenv_over_defaults(tmp_path: Path) -> None:
    path = dotenv(tmp_path, "CHRONICLE_PORT=1111\nCHRONICLE_HOST=0.0.0.0\n")
    settings = load({"CHRONICLE_PORT": "2222"}, path)
    assert (settings.port, settings.host) == (2222, "0.0.0.0")
    sources = {name: source for name, _, source in settings.listing()}
    assert sources["CHRONICLE_PORT"] is Source.ENVIRONMENT
    assert sources["CHRONICLE_HOST"] is Source.DOTENV
    assert sources["CHRONICLE_DATA_DIR"] is Source.DEFAULT


def test_an_empty_value_counts_as_not_set(tmp_path: Path) -> None:
    settings = load({"CHRONICLE_PORT": ""}, dotenv(tmp_path, "CHRONICLE_PORT=1111\n"))
    assert settings.port == 8000
    assert settings.sources["port"] is Source.DEFAULT


def test_every_mistake_is_reported_at_once_with_what_would_be_right() -> None:
    problems = problems_of(
        {
            "CHRONICLE_PORT": "80x",
            "CHRONICLE_UPLOAD_LIMIT": "5 gig",
            "CHRONICLE_LOG_LEVEL": "loud",
            "CHRONICLE_PROT": "8000",
            "CHRONICLE_ZZZZZZZ": "1",
        }
    )
    assert "0 to 65535" in problems["CHRONICLE_PORT"]
    assert "5GiB" in problems["CHRONICLE_UPLOAD_LIMIT"]
    assert "debug, info" in problems["CHRONICLE_LOG_LEVEL"]
    assert "did you mean CHRONICLE_PORT?" in problems["CHRONICLE_PROT"]
    assert "docs/settings.md" in problems["CHRONICLE_ZZZZZZZ"]
    assert len(problems) == 5


def test_a_mistake_names_the_source_that_it_stands_in(tmp_path: Path) -> None:
    path = dotenv(tmp_path, "CHRONICLE_PORT=x\nCHRONICLE_HSOT=y\n")
    problems = problems_of({"CHRONICLE_DRAIN_SECONDS": "soon"}, path)
    assert problems["CHRONICLE_PORT"].endswith("(from .env)")
    assert problems["CHRONICLE_HSOT"].endswith("(from .env)")
    assert problems["CHRONICLE_DRAIN_SECONDS"].endswith("(from environment)")


@pytest.mark.parametrize("line", ["CHRONICLE_PORT", "= 8000", "CHRONICLE_PORT='8000"])
def test_a_line_of_dotenv_that_is_no_statement_is_reported_with_its_number(
    tmp_path: Path, line: str
) -> None:
    path = dotenv(tmp_path, f"CHRONICLE_HOST=::1\n{line}\n")
    assert problems_of({}, path) == {f"{path}:2": "is not NAME=value"}


def test_a_dotenv_that_is_no_text_is_reported(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"CHRONICLE_HOST=\xff\n")
    assert "can't be read" in problems_of({}, path)[str(path)]


def test_a_missing_dotenv_is_no_mistake(tmp_path: Path) -> None:
    assert problems_of({}, tmp_path / ".env") == {}


def test_dotenv_values_mean_what_they_say(tmp_path: Path) -> None:
    path = dotenv(tmp_path, "CHRONICLE_VALKEY_URL=redis://:a${HOME}b@localhost:1\n")
    url = load({"HOME": "/root"}, path).valkey_url
    assert url is not None
    assert url.reveal() == "redis://:a${HOME}b@localhost:1"


def test_names_of_the_test_suite_and_of_other_programs_are_left_alone() -> None:
    assert problems_of({"CHRONICLE_TEST_REQUIRE_ALL": "1", "PATH": "/bin"}) == {}


def test_production_refuses_what_is_only_good_for_trying_out() -> None:
    problems = problems_of({"CHRONICLE_ENV": "production"})
    assert set(problems) == {
        "CHRONICLE_BASE_URL",
        "CHRONICLE_KEYS_FILE",
        "CHRONICLE_MAILER",
    }
    assert "https://" in problems["CHRONICLE_BASE_URL"]
    assert "chronicle keys init" in problems["CHRONICLE_KEYS_FILE"]


def test_production_refuses_http_even_when_it_is_set() -> None:
    problems = problems_of(PRODUCTION | {"CHRONICLE_BASE_URL": "http://example.org"})
    assert "CHRONICLE_BASE_URL" in problems


def test_production_refuses_the_keys_that_development_made(tmp_path: Path) -> None:
    problems = problems_of(
        PRODUCTION
        | {"CHRONICLE_DATA_DIR": str(tmp_path), "CHRONICLE_KEYS_FILE": str(tmp_path / "keys.json")}
    )
    assert "development" in problems["CHRONICLE_KEYS_FILE"]


def test_production_counts_limits_as_they_are() -> None:
    scale = {"CHRONICLE_LIMIT_SCALE": "1000"}
    assert problems_of(scale) == {}
    assert "CHRONICLE_LIMIT_SCALE" in problems_of(PRODUCTION | scale)
    assert "CHRONICLE_LIMIT_SCALE" not in problems_of(PRODUCTION | {"CHRONICLE_LIMIT_SCALE": "1"})


@pytest.mark.parametrize(
    ("memory_kib", "passes", "refused"),
    [
        ("19456", "2", False),
        ("19455", "2", True),
        ("47104", "1", False),
        ("7168", "5", False),
        ("7168", "4", True),
        ("65536", "1", False),
    ],
)
def test_production_wants_argon2_at_owasp_strength(
    memory_kib: str, passes: str, refused: bool
) -> None:
    argon2 = {"CHRONICLE_ARGON2_MEMORY_KIB": memory_kib, "CHRONICLE_ARGON2_TIME_COST": passes}
    assert problems_of(argon2) == {}
    assert ("CHRONICLE_ARGON2_MEMORY_KIB" in problems_of(PRODUCTION | argon2)) is refused


@pytest.mark.parametrize(
    ("scheme", "cost", "refused"),
    [("bcrypt", "9", True), ("bcrypt", "10", False), ("argon2id", "4", False)],
)
def test_production_wants_bcrypt_at_owasp_strength_where_it_is_used(
    scheme: str, cost: str, refused: bool
) -> None:
    bcrypt = {"CHRONICLE_PASSWORD_HASH": scheme, "CHRONICLE_BCRYPT_COST": cost}
    assert problems_of(bcrypt) == {}
    assert ("CHRONICLE_BCRYPT_COST" in problems_of(PRODUCTION | bcrypt)) is refused


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PASSWORD_HASH", "md5"),
        ("BCRYPT_COST", "16"),
        ("BCRYPT_COST", "3"),
        ("ARGON2_MEMORY_KIB", "262145"),
        ("ARGON2_PARALLELISM", "17"),
        ("BREACH_CHECK", "yes"),
        ("BREACH_URL", "http://breaches.example.org"),
    ],
)
def test_no_hash_and_no_look_up_is_set_that_could_not_be_used(name: str, value: str) -> None:
    assert set(problems_of({f"CHRONICLE_{name}": value})) == {f"CHRONICLE_{name}"}


def test_argon2_takes_no_seconds() -> None:
    slow = {"CHRONICLE_ARGON2_MEMORY_KIB": "262144", "CHRONICLE_ARGON2_TIME_COST": "4"}
    assert problems_of(slow) == {}
    slow["CHRONICLE_ARGON2_TIME_COST"] = "5"
    assert set(problems_of(slow)) == {"CHRONICLE_ARGON2_TIME_COST"}


@pytest.mark.parametrize(
    ("url", "refused"),
    [
        ("redis://cache.example.org", True),
        ("valkey://10.0.0.7:6379", True),
        ("rediss://cache.example.org", False),
        ("redis://127.0.0.1:6379", False),
        ("redis://[::1]:6379", False),
        ("unix:///run/valkey.sock", False),
        ("redis+sentinel://127.0.0.1,[::1]:1/main", False),
        ("redis+sentinel://127.0.0.1,10.0.0.7/main", True),
        ("rediss+sentinel://10.0.0.7,10.0.0.8/main", False),
        ("redis+cluster://localhost:1,cache.example.org", True),
        ("valkeys+cluster://cache.example.org", False),
    ],
)
def test_production_wants_tls_to_a_valkey_elsewhere(url: str, refused: bool) -> None:
    valkey = {"CHRONICLE_VALKEY_URL": url}
    assert problems_of(valkey) == {}
    assert ("CHRONICLE_VALKEY_URL" in problems_of(PRODUCTION | valkey)) is refused


def test_a_key_for_valkey_needs_its_certificate() -> None:
    key = {"CHRONICLE_VALKEY_KEY_FILE": "client.key"}
    assert set(problems_of(key)) == {"CHRONICLE_VALKEY_CERT_FILE"}
    assert problems_of(key | {"CHRONICLE_VALKEY_CERT_FILE": "client.pem"}) == {}


def test_a_mailer_needs_what_it_sends_with() -> None:
    assert set(problems_of({"CHRONICLE_MAILER": "smtp"})) == {"CHRONICLE_SMTP_URL"}
    assert set(problems_of({"CHRONICLE_MAILER": "brevo"})) == {"CHRONICLE_BREVO_API_KEY"}
    smtp = {"CHRONICLE_MAILER": "smtp", "CHRONICLE_SMTP_URL": "smtp://u:p@mail.example.org"}
    brevo = {"CHRONICLE_MAILER": "brevo", "CHRONICLE_BREVO_API_KEY": "xkeysib-1"}
    for mailer in (smtp, brevo):
        assert problems_of(mailer) == {}
        assert problems_of(PRODUCTION | mailer) == {}


def test_a_mailer_with_a_wrong_value_is_reported_once_and_rightly() -> None:
    problems = problems_of({"CHRONICLE_MAILER": "smtp", "CHRONICLE_SMTP_URL": "mail:25"})
    assert set(problems) == {"CHRONICLE_SMTP_URL"}
    assert "STARTTLS" in problems["CHRONICLE_SMTP_URL"]


def test_a_session_lives_at_least_as_long_as_it_may_idle() -> None:
    problems = problems_of(
        {"CHRONICLE_REFRESH_IDLE_SECONDS": "100", "CHRONICLE_REFRESH_ABSOLUTE_SECONDS": "99"}
    )
    assert set(problems) == {"CHRONICLE_REFRESH_ABSOLUTE_SECONDS"}


def test_argon2_wants_eight_kibibytes_a_lane() -> None:
    lanes = {"CHRONICLE_ARGON2_PARALLELISM": "2", "CHRONICLE_ARGON2_MEMORY_KIB": "15"}
    assert set(problems_of(lanes)) == {"CHRONICLE_ARGON2_MEMORY_KIB"}


def test_what_depends_on_a_free_port_follows_the_one_that_was_found() -> None:
    bound = load({"CHRONICLE_PORT": "0"}).bound_to(4711)
    assert (bound.port, bound.base_url) == (4711, "http://localhost:4711")
    assert bound.ledger_origin == "localhost:4711/api/web3/log"


def test_a_base_url_that_was_set_stays_whatever_port_is_bound() -> None:
    chosen = {"CHRONICLE_PORT": "0", "CHRONICLE_BASE_URL": "https://example.org"}
    bound = load(chosen).bound_to(4711)
    assert bound.base_url == "https://example.org"
    assert bound.ledger_origin == "example.org/api/web3/log"


@pytest.mark.parametrize(
    ("scheme", "rest"),
    [("redis", "h/0"), ("rediss+sentinel", "h:1,[::1]:2/main"), ("redis+cluster", "h:1,i:2")],
)
@given(password=st.text("abcXYZ019!$*-._~", min_size=12))
def test_no_password_is_shown_anywhere(scheme: str, rest: str, password: str) -> None:
    settings = load(
        {
            "CHRONICLE_VALKEY_URL": f"{scheme}://user:{password}@{rest}?password={password}",
            "CHRONICLE_SMTP_URL": f"smtp://user:{password}@h",
            "CHRONICLE_BREVO_API_KEY": password,
        }
    )
    shown = repr(settings) + repr(settings.valkey_url) + str(settings.listing())
    assert password not in shown
    assert settings.valkey_url is not None
    assert password in settings.valkey_url.reveal()


@pytest.mark.parametrize(
    "name", ["VALKEY_URL", "DATABASE_URL", "BASE_URL", "SMTP_URL", "BREVO_URL"]
)
@pytest.mark.parametrize(
    "scheme", ["redis", "redis+sentinel", "redis+cluster", "mongodb", "https", "smtp", "redis "]
)
def test_no_password_is_repeated_in_a_mistake(name: str, scheme: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({f"CHRONICLE_{name}": f"{scheme}://user:canary@host:99999"})
    assert "canary" not in str(caught.value)


def documented() -> dict[str, str]:
    """The name and the default of each row of the page's tables."""
    rows = re.findall(r"^\| `(CHRONICLE_[A-Z0-9_]+)` \| (.*?) \|", DOCS.read_text(), re.MULTILINE)
    return dict(rows)


def test_the_page_describes_exactly_the_settings_that_there_are() -> None:
    assert list(documented()) == [f"CHRONICLE_{name.upper()}" for name in FIELDS]


@pytest.mark.parametrize("name", [f"CHRONICLE_{name.upper()}" for name in FIELDS])
def test_the_default_on_the_page_is_the_default_in_the_code(name: str) -> None:
    literal = re.fullmatch(r"`([^`]+)`", documented()[name])
    if literal is None:  # described in words, as it depends on other settings
        return
    assert value(load({name: literal[1]}), name) == value(load({}), name)


def value(settings: Settings, name: str) -> object:
    return getattr(settings, name.removeprefix("CHRONICLE_").lower())
