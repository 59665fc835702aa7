// A life of an account by the client that openapi-generator made of the document.
import org.openapitools.client.apis.AccountsApi
import org.openapitools.client.apis.SessionsApi
import org.openapitools.client.infrastructure.ApiClient
import org.openapitools.client.infrastructure.ClientError
import org.openapitools.client.infrastructure.ClientException
import org.openapitools.client.models.LoginRequest
import org.openapitools.client.models.RefreshRequest
import org.openapitools.client.models.RegisterRequest

const val EMAIL = "kotlin@example.org"
const val PASSWORD = "quartz-lantern-42"

fun account(email: String) = RegisterRequest(
    username = "kotlin",
    email = email,
    password = PASSWORD,
    organizationType = "NGO",
    organizationName = "Rivers",
    country = "South Africa",
    firstName = "Ada",
    lastName = "Byron",
)

fun main(arguments: Array<String>) {
    val accounts = AccountsApi(basePath = arguments[0])
    val sessions = SessionsApi(basePath = arguments[0])
    try {
        accounts.register(account("nobody"))
        error("an account without an address")
    } catch (refused: ClientException) {
        val body = (refused.response as ClientError<*>).body.toString()
        check("Enter a valid email address." in body) { body }
    }
    val user = accounts.register(account(EMAIL))
    val session = sessions.login(LoginRequest(email = EMAIL, password = PASSWORD), SessionsApi.AppLogin.mobile)
    check(session.userId == user.id)
    val renewed = sessions.refresh(RefreshRequest(refresh = session.refreshToken))
    ApiClient.accessToken = renewed.access
    check(sessions.checkAuthStatus().email == EMAIL)
    check(sessions.logout().message == "Logout successful")
    val status = try {
        sessions.checkAuthStatus()
        200
    } catch (refused: ClientException) {
        refused.statusCode
    }
    check(status == 401)
}
