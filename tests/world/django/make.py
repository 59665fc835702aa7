"""Makes a Django project of a kind (`plain`, `uuid` or `jwt`), with people in it, and dumps it in every
way into the current folder: `make.py KIND SECRET_KEY PASSWORD`. Prints what the dumps do not tell.

plain: what `startproject` makes, whose users are `auth.User`
uuid:  users of its own (`accounts.User`), with UUIDs for keys, who log in by address, and profiles of
       another app (`people.Profile`)
jwt:   plain, with tokens of SimpleJWT, some of them on its blacklist
"""
import json
import sys
from datetime import datetime, timezone
from pathlib import Path

from django.conf import settings

kind, key, password = sys.argv[1:]
sys.path.insert(0, str(Path(__file__).parent))

APPS = {
    "plain": [],
    "uuid": ["accounts", "people"],
    "jwt": ["rest_framework_simplejwt.token_blacklist"],
}
settings.configure(
    SECRET_KEY=key, USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    AUTH_USER_MODEL="accounts.User" if kind == "uuid" else "auth.User",
    INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
                    "django.contrib.sessions", "django.contrib.messages", *APPS[kind]])

import django  # noqa: E402

django.setup()

from django.contrib.admin.models import CHANGE, LogEntry  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.contrib.auth.models import Group, Permission  # noqa: E402
from django.contrib.contenttypes.models import ContentType  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.core.management import call_command  # noqa: E402

call_command("migrate", verbosity=0, run_syncdb=True)

User = get_user_model()
joined = datetime(2021, 2, 3, 4, 5, 6, 789000, tzinfo=timezone.utc)


def person(name, **more):
    return User.objects.create_user(username=name, email=f"{name}@example.org", password=password,
                                    date_joined=joined, **more)


ada = person("ada", first_name="Ada", last_name="Lovelace", is_staff=True)
bo = person("bo", is_active=False)
cy = person("cy")
readers = Group.objects.create(name="readers")
readers.permissions.add(Permission.objects.first())
cy.groups.add(readers)
session = SessionStore()
session["_auth_user_id"] = str(cy.pk)
session.save()
LogEntry.objects.create(user=ada, content_type=ContentType.objects.get_for_model(User),
                        object_id=str(bo.pk), object_repr="bo", action_flag=CHANGE)

facts = {"users": {it.username: str(it.pk) for it in (ada, bo, cy)}}
people = ["auth"]
if kind == "uuid":
    from people.models import Profile
    Profile.objects.create(user=ada, organisation_type="NGO", organisation_name="Kartoza", country="ZA",
                           is_expert=True, upload_preference="both")
    people = ["accounts", "people"]
if kind == "jwt":
    from rest_framework_simplejwt.tokens import RefreshToken
    good, ended = RefreshToken.for_user(cy), RefreshToken.for_user(cy)
    ended.blacklist()
    facts["tokens"] = {"good": str(good), "access": str(good.access_token), "blacklisted": str(ended)}
    people = ["auth", "token_blacklist"]


def dump(name, *labels, **how):
    call_command("dumpdata", *labels, output=name, verbosity=0, **how)


dump("dump.json")
dump("dump.jsonl", format="jsonl")
dump("dump.json.gz")
dump("indented.json", indent=2)
dump("natural-foreign.json", use_natural_foreign_keys=True)
dump("natural.json", indent=2, use_natural_foreign_keys=True, use_natural_primary_keys=True)
for label in people:
    dump(f"app-{label}.json", label)
print(json.dumps(facts))
