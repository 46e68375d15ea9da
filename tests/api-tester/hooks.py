"""What drawn requests can't know: ids of things that are there, entity tags of versions that are, keys not used yet.

Every second request whose drawn values are well-formed gets real ones, so that the API's answers to good requests are
looked at too. What was drawn malformed on purpose stays as it is.
"""

import itertools
import os
import re

import requests
import schemathesis

API = os.environ["API_TESTER_URL"] + "/api/v1"
BEARER = {"authorization": "Bearer " + os.environ["API_TESTER_TOKEN"], "user-agent": "api-tester"}
ID = re.compile(r"[0-9a-f]{32}|[a-z0-9-]{1,64}")
TAG = re.compile(r'"[^"]*"')
KEY = re.compile(r'[!#-~][!-~]{0,127}|"(?:[!#-\[\]-~]|\\["\\]){1,128}"')
count = itertools.count()


def ask(method, path, body=None):
    answer = requests.request(method, API + path, json=body, headers=BEARER, timeout=30)
    answer.raise_for_status()
    return answer


def person(password=None):
    form = {"email": f"drawn{next(count)}@example.rw", "first_name": "Drawn", "last_name": "Person"}
    return form | ({"password": password} if password else {})


def user():
    answer = ask("POST", "/admin/users", person())
    return answer.json()["user"]["id"], answer.headers["etag"]


def applicant():
    ask("POST", "/auth/register", person("Correct-horse-7-battery"))
    return ask("GET", "/admin/users/pending?limit=1").json()["items"][0]["id"], None


def role():
    ask("POST", "/admin/settings/roles", {"name": f"Drawn {next(count)}", "permissions": []})
    newest = ask("GET", "/admin/settings/roles").json()["items"][-1]
    return newest["id"], newest["etag"]


def key():
    return ask("POST", "/auth/keys", {"name": "drawn", "scope": ["alerts.read"], "days": 1}).json()["id"], None


def change():
    return ask("GET", "/admin/users/role-requests?limit=1").json()["items"][0]["id"], None


def real(path):
    """A thing that `path` can be about: its id, and its entity tag where it has one."""
    if path.endswith(("/approve", "/reject")):
        return change() if "role-requests" in path else applicant()
    if "/users/{id}" in path:
        return user()
    if "/roles/{id}" in path:
        return role()
    if "/keys/{id}" in path:
        return key()
    if path.endswith("/auth/me"):
        return None, ask("GET", "/auth/me").headers["etag"]
    # Drawn security settings, once in force, would refuse the rest of the run: they get no real tag.
    return None, None


def header(case, name):
    return next((held for held in case.headers or {} if held.lower() == name.lower()), None)


@schemathesis.hook
def before_call(context, case, **kwargs):
    held = header(case, "Idempotency-Key")
    if held and KEY.fullmatch(str(case.headers[held])):
        case.headers[held] = f"drawn-{next(count)}"
    tag_at = header(case, "If-Match")
    # Drawn again and again beside malformed bodies, which would never be read.
    if tag_at and case.headers[tag_at] == "":
        case.headers[tag_at] = '"of-no-version"'
    if next(count) % 2:
        return
    wants_tag = tag_at and case.headers[tag_at] != '"of-no-version"' and TAG.fullmatch(str(case.headers[tag_at]))
    wants_id = ID.fullmatch(str((case.path_parameters or {}).get("id", "")))
    if not wants_tag and not wants_id:
        return
    found, tag = real(case.operation.path)
    if wants_id and found:
        case.path_parameters["id"] = found
    if wants_tag and tag:
        case.headers[tag_at] = tag
