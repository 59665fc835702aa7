"""A life of an account by the client that openapi-python-client made of the document."""

import sys

from client import AuthenticatedClient, Client
from client.api.accounts import register
from client.api.sessions import check_auth_status, login, logout, refresh
from client.models import (
    LoginApp,
    LoginRequest,
    Message,
    NewAccessToken,
    RefreshRequest,
    RegisteredUser,
    RegisterErrors,
    RegisterRequest,
    Session,
)

EMAIL, PASSWORD = "pythia@example.org", "quartz-lantern-42"
url = sys.argv[1]
anybody = Client(base_url=url)


def account(email):
    return RegisterRequest(
        username="pythia",
        email=email,
        password=PASSWORD,
        organization_type="NGO",
        organization_name="Rivers",
        country="South Africa",
        first_name="Ada",
        last_name="Byron",
    )


refused = register.sync(client=anybody, body=account("nobody"))
assert isinstance(refused, RegisterErrors), refused
assert refused.email == ["Enter a valid email address."]
user = register.sync(client=anybody, body=account(EMAIL))
assert isinstance(user, RegisteredUser), user

credentials = LoginRequest(email=EMAIL, password=PASSWORD)
session = login.sync(client=anybody, body=credentials, app=LoginApp.MOBILE)
assert isinstance(session, Session), session
assert session.user_id == user.id
assert session.accepted_privacy_policy_version is None
renewed = refresh.sync(client=anybody, body=RefreshRequest(refresh=session.refresh_token))
assert isinstance(renewed, NewAccessToken), renewed
known = AuthenticatedClient(base_url=url, token=renewed.access)
status = check_auth_status.sync(client=known)
assert isinstance(status, Session), status
farewell = logout.sync(client=known)
assert isinstance(farewell, Message), farewell
assert farewell.message == "Logout successful"
assert check_auth_status.sync_detailed(client=known).status_code == 401
