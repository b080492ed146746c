"""Made secrets of many kinds, each in the places where agents come across them. None of them opens anything.

Marks of issuers are written in two parts, so that nobody's scanner takes this file for a leak.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Maker: TypeAlias = Callable[[random.Random], str]

HEX = "0123456789abcdef"
LETTERS = string.ascii_letters + string.digits
UPPER = string.ascii_uppercase + "234567"
URL_SAFE = LETTERS + "_-"
BASE64 = LETTERS + "+/"


@dataclass(frozen=True, slots=True)
class Planted:
    """A text with one secret in it."""

    kind: str
    text: str
    secret: str


def _of(prefix: str, alphabet: str, length: int, suffix: str = "") -> Maker:
    return lambda chance: prefix + _letters(chance, alphabet, length) + suffix


def _letters(chance: random.Random, alphabet: str, length: int) -> str:
    """Random letters of which the second is a digit and the last a letter, as in all but a few real tokens."""
    made = [chance.choice(alphabet) for _ in range(length)]
    made[1], made[-1] = "7", next(letter for letter in alphabet if letter.isalpha())
    return "".join(made)


def _joined(separator: str, *makers: Maker) -> Maker:
    return lambda chance: separator.join(maker(chance) for maker in makers)


def _pem(kind: str) -> Maker:
    def make(chance: random.Random) -> str:
        lines = "\n".join(_letters(chance, BASE64, 64) for _ in range(chance.choice((3, 12, 25))))
        return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----"

    return make


def _escaped(maker: Maker) -> Maker:
    return lambda chance: maker(chance).replace("\n", "\\n")


def _password(chance: random.Random) -> str:
    return "".join(chance.choice(LETTERS + "!#%+=_-") for _ in range(chance.choice((9, 12, 20)))) + "4x"


def _address(chance: random.Random) -> str:
    name = _letters(chance, string.ascii_lowercase, 6)
    surname, host = (
        chance.choice(("li", "o-neil", "smith")),
        chance.choice(("acme-corp.com", "uni.ac.uk", "kontor.no")),
    )
    return f"{name}.{surname}@mail.{host}"


BY_FORM: Mapping[str, tuple[Maker, ...]] = {
    "private key": (_pem("RSA PRIV" + "ATE KEY"), _pem("OPENSSH PRIV" + "ATE KEY"), _escaped(_pem("PRIV" + "ATE KEY"))),
    "PGP private key": (_pem("PGP PRIV" + "ATE KEY BLOCK"),),
    "OpenAI key": (_of("sk" + "-proj-", URL_SAFE, 74), _of("sk" + "-", LETTERS, 48), _of("sk" + "-svcacct-", URL_SAFE, 60)),
    "Anthropic key": (_of("sk" + "-ant-api03-", URL_SAFE, 93, "AA"),),
    "OpenRouter key": (_of("sk" + "-or-v1-", HEX, 64),),
    "GitHub token": (_of("gh" + "p_", LETTERS, 36), _of("gh" + "s_", LETTERS, 36), _of("github" + "_pat_", LETTERS, 82)),
    "GitLab token": (_of("gl" + "pat-", URL_SAFE, 20),),
    "AWS access key": (_of("AK" + "IA", UPPER, 16), _of("AS" + "IA", UPPER, 16)),
    "Google API key": (_of("AI" + "za", URL_SAFE, 35),),
    "Google OAuth": (_of("GOC" + "SPX-", URL_SAFE, 28), _of("ya" + "29.", URL_SAFE, 120)),
    "Slack token": (
        _joined("-", _of("xo" + "xb-", "0123456789a", 12), _of("", LETTERS, 12), _of("", LETTERS, 24)),
        _joined("-", _of("xa" + "pp-1-", UPPER, 11), _of("", "0123456789a", 13), _of("", HEX, 64)),
    ),
    "Slack webhook": (_joined("/", _of("https://hooks.sla" + "ck.com/services/T", UPPER, 9), _of("B", UPPER, 9), _of("", LETTERS, 24)),),
    "Discord token": (_joined(".", _of("M", LETTERS, 23), _of("G", URL_SAFE, 5), _of("", URL_SAFE, 38)),),
    "Telegram token": (_of("7123456789:A" + "A", URL_SAFE, 33),),
    "Stripe key": (_of("sk" + "_live_", LETTERS, 24), _of("rk" + "_live_", LETTERS, 99), _of("wh" + "sec_", LETTERS, 32)),
    "Twilio key": (_of("S" + "K", HEX, 32),),
    "SendGrid key": (_joined(".", _of("S" + "G.", URL_SAFE, 22), _of("", URL_SAFE, 43)),),
    "Mailgun key": (_of("ke" + "y-", HEX, 32),),
    "Mailchimp key": (_of("", HEX, 32, "-us" + "14"),),
    "npm token": (_of("np" + "m_", LETTERS, 36),),
    "PyPI token": (_of("py" + "pi-AgEIcHlwaS5vcmc", URL_SAFE, 150),),
    "Hugging Face token": (_of("h" + "f_", LETTERS, 34),),
    "Groq key": (_of("gs" + "k_", LETTERS, 52),),
    "LangSmith key": (_joined("_", _of("lsv" + "2_pt_", HEX, 32), _of("", HEX, 10)),),
    "DigitalOcean token": (_of("do" + "p_v1_", HEX, 64),),
    "Databricks token": (_of("da" + "pi", HEX, 32),),
    "Shopify token": (_of("sh" + "pat_", HEX, 32),),
    "Square token": (_of("sq" + "0atp-", URL_SAFE, 22),),
    "Vault token": (_of("hv" + "s.", URL_SAFE, 90),),
    "Notion token": (_of("nt" + "n_", LETTERS, 46),),
    "Linear key": (_of("li" + "n_api_", LETTERS, 40),),
    "Grafana token": (_of("gl" + "sa_", LETTERS, 41),),
    "New Relic key": (_of("NR" + "AK-", UPPER, 27),),
    "JSON web token": (_joined(".", _of("ey" + "J", URL_SAFE, 33), _of("ey" + "J", URL_SAFE, 90), _of("", URL_SAFE, 43)),),
    "e-mail address": (_address,),
}  # fmt: skip
"""Kinds that are told wherever they stand."""

PLACES = (
    "{}",
    "I logged in with {} and it worked.",
    '{{"role": "tool", "content": "{}"}}',
    "curl https://api.host.io/v1 -H 'X-Auth: {}' -d @body",
    "result: ok\nvalue: {}\nnext: none",
    "client = Client('{}')",
    '"output": "{{\\"value\\": \\"{}\\"}}"',
)

BY_PLACE: Mapping[str, tuple[Maker, tuple[str, ...]]] = {
    "AWS secret access key": (
        _of("", BASE64, 40),
        ("AWS_SECRET_ACCESS_KEY={}", "aws_secret_access_key = {}", '"SecretAccessKey": "{}"', '\\"secretAccessKey\\":\\"{}\\"'),
    ),
    "Azure storage key": (
        _of("", BASE64, 86, "=="),
        ("DefaultEndpointsProtocol=https;AccountName=acme;AccountKey={};EndpointSuffix=core.windows.net", "SharedAccessKey={}"),
    ),
    "Azure shared signature": (_of("", LETTERS, 43, "%3D"), ("https://acme.blob.core.windows.net/c/f?sv=2024-11-04&sp=r&sig={}",)),
    "basic authorization": (
        _of("", BASE64, 30, "=="),
        ("Authorization: Basic {}", "'authorization': 'Basic {}'", '\\"Authorization\\": \\"Basic {}\\"'),
    ),
    "bearer token": (
        _of("", URL_SAFE, 40),
        ("Authorization: Bearer {}", '{{"Authorization": "Bearer {}"}}', "curl -H 'authorization: bearer {}' https://host.io"),
    ),
    "cookie": (
        _of("", LETTERS, 32),
        ("Cookie: theme=dark; session={}; lang=en", "Set-Cookie: sid={}; Path=/; HttpOnly; Secure", '"cookie": "connect.sid={}"', "PHPSESSID={}"),
    ),
    "connection string": (
        _of("", LETTERS, 14),
        (
            "postgresql://app:{}@db.internal:5432/prod",
            "mongodb+srv://root:{}@cluster0.ab1cd.mongodb.net/?retryWrites=true",
            "redis://:{}@cache:6379/0",
            "amqp://guest:{}@broker//",
            "https://oauth2:{}@git.host.io/team/app.git",
            "Server=tcp:db,1433;User ID=sa;Password={};Encrypt=True",
        ),
    ),
    "password": (
        _password,
        (
            "DB_PASSWORD={}",
            "password: {}",
            '{{"user": "bo", "password": "{}"}}',
            '\\"password\\": \\"{}\\"',
            "mysql --user bo --password {}",
            "connect(host='db', passwd='{}')",
            "The password is {} as you asked.",
            "smtp_pass = '{}'",
            "CREATE USER bo IDENTIFIED BY '{}'",
            "machine host.io login bo password {}",
            "curl -u bo:{} https://host.io",
        ),
    ),
    "named key": (
        _of("", LETTERS, 32),
        (
            "api_key={}",
            "X-API-Key: {}",
            '"apiKey": "{}"',
            "https://api.host.io/v1/find?q=oslo&api_key={}&n=1",
            "client_secret: {}",
            '\\"access_token\\": \\"{}\\"',
            "refresh_token = '{}'",
            "export CLOUDFLARE_API_TOKEN={}",
            "Ocp-Apim-Subscription-Key: {}",
            "tool --token {} --verbose",
            "STRIPE_WEBHOOK_SECRET='{}'",
            "DD_API_KEY: {}",
            "encryption_key: '{}'",
        ),
    ),
}  # fmt: skip
"""Kinds that only what stands before them tells."""

KINDS = (*BY_FORM, *BY_PLACE)


def planted(each: int = 6) -> Iterator[Planted]:
    """Texts of every kind, the same in every run: `each` secrets in each of the places."""
    chance = random.Random(20)  # noqa: S311 - to be repeatable
    for kind, makers in BY_FORM.items():
        for maker in makers:
            for place in PLACES:
                for _ in range(each):
                    secret = maker(chance)
                    yield Planted(kind, place.format(secret), secret)
    for kind, (maker, places) in BY_PLACE.items():
        for place in places:
            for _ in range(each):
                secret = maker(chance)
                yield Planted(kind, place.format(secret), secret)
