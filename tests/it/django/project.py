"""A Django project in one file: `dump KEY PASSWORD` prints what dumpdata writes of its users,
`issue KEY USER` prints an access and a refresh token of SimpleJWT, `verify KEY TOKEN` prints whose
access token SimpleJWT takes it for."""
import sys
import types
from datetime import datetime, timezone

from django.apps import AppConfig
from django.conf import settings

HASHERS = ["PBKDF2PasswordHasher", "PBKDF2SHA1PasswordHasher", "Argon2PasswordHasher",
           "BCryptSHA256PasswordHasher", "ScryptPasswordHasher"]

def app(label):
    module = types.ModuleType(label)
    module.__file__ = __file__
    config = type("Config", (AppConfig,), {"name": label, "label": label, "path": "."})
    config.__module__ = label
    module.Config = config
    sys.modules[label] = module
    return f"{label}.Config"

settings.configure(
    SECRET_KEY="x" * 50, USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    PASSWORD_HASHERS=["django.contrib.auth.hashers." + it for it in HASHERS],
    SIMPLE_JWT={"SIGNING_KEY": sys.argv[2]},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth",
                    app("minisass_authentication"), app("minisass")])

import django  # noqa: E402

django.setup()

if sys.argv[1] == "issue":
    from rest_framework_simplejwt.tokens import RefreshToken
    refresh = RefreshToken()
    refresh["user_id"] = sys.argv[3]
    print(refresh.access_token, refresh)
    sys.exit()
if sys.argv[1] == "verify":
    from rest_framework_simplejwt.tokens import AccessToken
    print(AccessToken(sys.argv[3])["user_id"])
    sys.exit()

from django.contrib.auth.hashers import make_password  # noqa: E402
from django.contrib.auth.models import Group, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, models  # noqa: E402

def model(app_label, name, **fields):
    meta = type("Meta", (), {"app_label": app_label})
    return type(name, (models.Model,), {"__module__": app_label, "Meta": meta, **fields})

def to(other, **more):
    return models.ForeignKey(other, on_delete=models.CASCADE, **more)

Lookup = model("minisass_authentication", "Lookup", description=models.CharField(max_length=50))
UserProfile = model(
    "minisass_authentication", "UserProfile", user=to(User), organisation_type=to(Lookup, null=True),
    organisation_name=models.CharField(max_length=255), country=models.CharField(max_length=255, null=True),
    is_expert=models.BooleanField(default=False), upload_preference=models.CharField(max_length=10, default="wifi"))
PasswordHistory = model(
    "minisass_authentication", "PasswordHistory", user=to(User), hashed_password=models.TextField(),
    timestamp=models.DateTimeField())
PrivacyPolicy = model(
    "minisass", "PrivacyPolicy", version=models.CharField(max_length=20), link=models.URLField(null=True),
    published_at=models.DateTimeField())
PrivacyPolicyConsent = model(
    "minisass", "PrivacyPolicyConsent", user=to(User), policy=to(PrivacyPolicy),
    consent_given=models.BooleanField(null=True), consent_date=models.DateTimeField(),
    ip_address=models.GenericIPAddressField(null=True))

# dumpdata leaves out apps that have no module of models.
for label in ("minisass", "minisass_authentication"):
    django.apps.apps.get_app_config(label).models_module = sys.modules[label]
call_command("migrate", verbosity=0, run_syncdb=True)
with connection.schema_editor() as editor:
    present = connection.introspection.table_names()
    for it in (Lookup, UserProfile, PasswordHistory, PrivacyPolicy, PrivacyPolicyConsent):
        if it._meta.db_table not in present:
            editor.create_model(it)

day = datetime(2020, 1, 2, 3, 4, 5, 678000, tzinfo=timezone.utc)
names = ["pbkdf2_sha256", "pbkdf2_sha1", "argon2", "bcrypt_sha256", "scrypt"]
for pk, name in enumerate(names, 101):
    User.objects.create(pk=pk, username=name, email=f"{name}@example.org", date_joined=day,
                        password=make_password(sys.argv[3], hasher=name), is_superuser=pk == 101)
User.objects.create(pk=106, username="un usable", email="unusable@example.org", password=make_password(None))
User.objects.create(pk=107, username="inactive", email="inactive@example.org", is_active=False,
                    password=make_password(sys.argv[3]))
User.objects.create(pk=108, username="blank", email="", password="!")
User.objects.create(pk=109, username="clash", email="PBKDF2_SHA256@Example.org", password="!")
Group.objects.create(name="readers")
first = User.objects.get(pk=101)
ngo = Lookup.objects.create(pk=7, description="NGO")
UserProfile.objects.create(user=first, organisation_type=ngo, upload_preference="both")
for hashed in (make_password("earlier"), first.password):
    PasswordHistory.objects.create(user=first, hashed_password=hashed, timestamp=day)
later = day.replace(year=2021)
latest = PrivacyPolicy.objects.create(version="2", link="https://example.org/2", published_at=later)
PrivacyPolicy.objects.create(version="1", link=None, published_at=day)
PrivacyPolicyConsent.objects.create(user=first, policy=latest, consent_given=True, consent_date=later,
                                    ip_address="192.0.2.1")

call_command("dumpdata", "minisass", "minisass_authentication", "auth.group", "auth.user", verbosity=0)
