#!/usr/bin/env bash
# jinja2: a loop whose last pass ends by continue runs its else branch, although it had items.
#
# Seen with jinja2 3.1.6 (with markupsafe 3.0.3) and its extension jinja2.ext.loopcontrols, which Hugging Face's
# apply_chat_template turns on. The documentation says of else: "If no iteration took place because the sequence was empty".
# A reader expects nothing from
#
#     {% for i in [1] %}{% continue %}{% else %}E{% endfor %}
#
# and gets E; so does a loop over [1, 2] that skips both. A loop that skips its first item alone prints no E: what decides is
# whether any pass reached its end. A chat template that skips messages (system messages, say) and has an else branch for an
# empty conversation takes that branch for a conversation of skipped messages. An engine that counts iterations differs.
#
# Installs into a temporary folder, prints what was seen, and fails if that changes.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m pip install -q --target "$dir" 'jinja2==3.1.6' 'markupsafe==3.0.3'
PYTHONPATH=$dir python3 - <<'PYTHON'
import jinja2

env = jinja2.Environment(extensions=["jinja2.ext.loopcontrols"])
print("jinja2", jinja2.__version__)
cases = [
    ("no items", "{% for i in [] %}{{ i }}{% else %}E{% endfor %}", "E"),
    ("one item", "{% for i in [1] %}{{ i }}{% else %}E{% endfor %}", "1"),
    ("one item, skipped", "{% for i in [1] %}{% continue %}{% else %}E{% endfor %}", "E"),
    ("two items, both skipped", "{% for i in [1, 2] %}{% continue %}{% else %}E{% endfor %}", "E"),
    ("two items, the first skipped", "{% for i in [1, 2] %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% else %}E{% endfor %}", "2"),
]
for name, text, seen in cases:
    got = env.from_string(text).render()
    print(f"{name}: {got!r}")
    assert got == seen, f"{name}: {got!r}, and it was {seen!r}"
PYTHON
