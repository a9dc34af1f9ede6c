"""Writes what jinja2 3.1.6 makes of expressions and of chat templates, for the tests of this package.

    pip install jinja2==3.1.6
    python golden.py expressions.json < one template a line, as JSON texts
    python golden.py templates.json NAME.jinja ...

The environment is that of Hugging Face's apply_chat_template. Renderings of whole templates are kept as SHA-256."""
import copy, datetime, hashlib, json, os, sys

import jinja2, jinja2.ext
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = datetime.datetime(2025, 3, 9, 14, 5)
HERE = os.path.dirname(os.path.abspath(__file__))


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


class Raised(jinja2.exceptions.TemplateError):
    pass


class Dict:
    def __call__(self, *args, **kwargs):
        return dict(*args, **kwargs)

    def fromkeys(self, *args, **kwargs):
        return dict.fromkeys(*args, **kwargs)


def check(name):
    if isinstance(name, str) and name.startswith("_"):
        raise jinja2.exceptions.SecurityError(name)


class Namespace(jinja2.utils.Namespace):
    def __init__(*args, **kwargs):
        attrs = dict(*args[1:], **kwargs)
        for name in attrs:
            check(name)
        jinja2.utils.Namespace.__init__(args[0], attrs)

    def __setitem__(self, name, value):
        check(name)
        jinja2.utils.Namespace.__setitem__(self, name, value)


def raise_exception(message):
    raise Raised(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
env.filters["tojson"] = tojson
env.globals.update(raise_exception=raise_exception, dict=Dict(), namespace=Namespace,
                   strftime_now=lambda format: NOW.strftime(format))


def render(source, variables):
    """"=text", "!words of raise_exception" or "?" for any other error."""
    try:
        return "=" + env.from_string(source).render(**copy.deepcopy(variables))
    except Raised as e:
        return "!" + str(e.message)
    except Exception:
        return "?"


def load(name):
    with open(os.path.join(HERE, name)) as f:
        return json.load(f)


if __name__ == "__main__":
    assert jinja2.__version__ == "3.1.6"
    out = {}
    if sys.argv[1] == "expressions.json":
        variables = load("variables.json")
        for line in sys.stdin:
            source = json.loads(line)
            out[source] = render(source, variables)
            if " at 0x" in out[source]:  # an address
                del out[source]
    else:
        for path in sys.argv[2:]:
            with open(path, newline="") as f:
                source = f.read()
            rows = {}
            for name, variables in load("conversations.json").items():
                text = render(source, variables)
                rows[name] = text if text[0] != "=" else "=" + hashlib.sha256(text[1:].encode()).hexdigest()[:32]
            out[os.path.basename(path).removesuffix(".jinja")] = rows
    with open(os.path.join(HERE, sys.argv[1]), "w") as f:
        f.write("{\n" + ",\n".join(json.dumps(k, ensure_ascii=False) + ": " + json.dumps(v, ensure_ascii=False)
                                   for k, v in out.items()) + "\n}\n")
