"""Logins with a real browser.

    sessions.py CHROMIUM SCRATCH PORTS BINARY     PORTS: of an entrepot that everybody may see, of one that asks for a login

One line for each case; ends with the counts.
"""
import base64, http.client, json, os, subprocess, sys, time

from chromium import Chromium, Page

program, scratch = sys.argv[1:3]
OPEN, CLOSED = map(int, sys.argv[3:5])
binary = sys.argv[5]
PASSWORD = "correct horse battery"
PICTURES = os.environ.get("E2E_PICTURES")


class Visitor(Page):
    """A browser of somebody else: with cookies of its own, and without scripts unless `scripts`."""

    def __init__(self, browser, scripts=False):
        self.browser = browser
        context = browser.ask("Target.createBrowserContext")["browserContextId"]
        target = browser.ask("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        self.session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.ask("Page.enable")
        self.ask("Network.enable")
        if not scripts:
            self.ask("Emulation.setScriptExecutionDisabled", value=True)

    def text(self):
        return self.run("document.body.innerText")

    def at(self):
        return self.run("location.pathname + location.search")

    def submit(self, form, **fields):
        """Fills in a form as somebody who types, and waits for the page that it leads to."""
        for name, value in fields.items():
            self.run(f"document.querySelector({json.dumps(f'{form} [name={name}]')}).value = {json.dumps(value)}")
        self.click(f"{form} button")

    def log_in(self, port, path="/login?lang=en", password=PASSWORD):
        self.open(f"http://127.0.0.1:{port}{path}")
        self.submit("main form", name="alice", password=password)

    def focus(self):
        """The name of the field that has the focus. A browser gives it when it draws the page, which may be after its load."""
        end = time.monotonic() + 10
        while True:
            name = self.run("document.activeElement.name")
            if name or time.monotonic() > end:
                return name
            time.sleep(0.05)

    def cookies(self):
        return [cookie for cookie in self.ask("Network.getCookies")["cookies"] if "entrepot" in cookie["name"]]

    def picture(self, name, width=900):
        if PICTURES:
            self.ask("Emulation.setDeviceMetricsOverride", width=width, height=760, deviceScaleFactor=1, mobile=False)
            data = self.ask("Page.captureScreenshot", format="png")["data"]
            with open(f"{PICTURES}/{name}.png", "wb") as file:
                file.write(base64.b64decode(data))


def entrepot(*arguments, port=OPEN):
    name = "open" if port == OPEN else "closed"
    call = [binary, *arguments, "--config", f"{scratch}/{name}.yaml"]
    return subprocess.run(call, check=True, capture_output=True, text=True).stdout


def request(port, method, path, headers=()):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, headers=dict(headers))
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()


# ---- the cases ----------------------------------------------------------------------------------

def logs_in_and_out(browser):
    visitor = Visitor(browser)
    visitor.open(f"http://127.0.0.1:{OPEN}/sync?lang=en")
    visitor.picture("guest")
    visitor.click(".tools a[href^='/login']")
    visitor.picture("login")
    assert visitor.focus() == "name", "the first field is not ready to be typed into"
    visitor.submit("main form", name="alice", password=PASSWORD)
    assert visitor.at() == "/sync?lang=en", visitor.at()
    assert "alice" in visitor.run("document.querySelector('.tools').innerText")
    visitor.picture("logged-in")
    [cookie] = visitor.cookies()
    assert cookie["httpOnly"] and cookie["sameSite"] == "Lax" and cookie["path"] == "/", cookie
    assert "entrepot" not in visitor.run("document.cookie"), "a script reads the cookie"
    visitor.submit(".tools form")
    assert "Log in" in visitor.run("document.querySelector('.tools').innerText") and not visitor.cookies()


def wrong_password(browser):
    visitor = Visitor(browser)
    visitor.log_in(OPEN, "/login?lang=zh&next=/guide", "wrong")
    assert "用户名或密码错误" in visitor.text(), visitor.text()
    assert visitor.run("document.getElementById('name').value") == "alice"
    assert visitor.run("document.getElementById('password').value") == ""
    assert visitor.focus() == "password", "what is there already has to be typed again"
    visitor.picture("wrong")
    visitor.submit("main form", password=PASSWORD)
    assert visitor.at().startswith("/guide"), visitor.at()


def no_other_site(browser):
    for evil in ("//evil.example", "/%5Cevil.example", "https://evil.example/", "/%09/evil.example"):
        visitor = Visitor(browser)
        visitor.log_in(OPEN, f"/login?lang=en&next={evil}")
        place = visitor.run("location.host + location.pathname")
        assert place == f"127.0.0.1:{OPEN}/", f"{evil} led to {place}"


def ended_elsewhere(browser):
    one, other = Visitor(browser), Visitor(browser)
    one.log_in(OPEN)
    other.log_in(OPEN)
    one.open(f"http://127.0.0.1:{OPEN}/account?lang=en")
    assert "this one" in one.text() and "Chrome" in one.text(), one.text()
    one.picture("account")
    one.submit("tbody form")
    assert "Ended." in one.text(), one.text()
    other.open(f"http://127.0.0.1:{OPEN}/account?lang=en")
    assert other.at().startswith("/login?next="), other.at()
    # The owner on the server's machine ends the rest.
    assert "alice" in entrepot("session", "ls")
    entrepot("session", "end", "--account", "alice")
    one.open(f"http://127.0.0.1:{OPEN}/account?lang=en")
    assert one.at().startswith("/login?next="), one.at()


def disabled(browser):
    visitor = Visitor(browser)
    visitor.log_in(OPEN)
    entrepot("account", "disable", "alice")
    try:
        visitor.open(f"http://127.0.0.1:{OPEN}/account?lang=en")
        assert visitor.at().startswith("/login?next="), visitor.at()
        visitor.submit("main form", name="alice", password=PASSWORD)
        assert "wrong" in visitor.text(), visitor.text()
    finally:
        entrepot("account", "enable", "alice")


def changed_password(browser):
    one, other = Visitor(browser), Visitor(browser)
    one.log_in(CLOSED)
    other.log_in(CLOSED)
    one.open(f"http://127.0.0.1:{CLOSED}/account?lang=en")
    one.submit("main form", current="x", new="another password", again="another password")
    assert "The current password is wrong." in one.text(), one.text()
    one.submit("main form", current=PASSWORD, new="another password", again="another password")
    assert "The password was changed." in one.text() and "this one" in one.text(), one.text()
    other.open(f"http://127.0.0.1:{CLOSED}/account?lang=en")
    assert other.at().startswith("/login?next="), "the other browser is still logged in"
    one.submit("main form", current="another password", new=PASSWORD, again=PASSWORD)
    assert "The password was changed." in one.text(), one.text()


def asks_for_a_login(browser):
    visitor = Visitor(browser)
    visitor.open(f"http://127.0.0.1:{CLOSED}/?lang=zh&image=nginx")
    # Programs on this machine see; a browser behind a proxy is none of them.
    visitor.ask("Network.setExtraHTTPHeaders", headers={"X-Forwarded-For": "192.0.2.7"})
    visitor.open(f"http://127.0.0.1:{CLOSED}/?lang=zh&image=nginx")
    assert visitor.at().startswith("/login?next="), visitor.at()
    visitor.submit("main form", name="alice", password=PASSWORD)
    assert visitor.at() == "/?lang=zh&image=nginx", visitor.at()
    assert "192.0.2.7" in entrepot("session", "ls", port=CLOSED)
    status, _, _ = request(CLOSED, "GET", "/badge/sync.svg")
    assert status == 401, status


def secure_behind_tls(browser):
    visitor = Visitor(browser)
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": f"127.0.0.1:{OPEN}", "X-Forwarded-For": "192.0.2.7"}
    form = f"name=alice&password={PASSWORD.replace(' ', '+')}"
    connection = http.client.HTTPConnection("127.0.0.1", OPEN, timeout=30)
    more = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"https://127.0.0.1:{OPEN}"}
    connection.request("POST", "/login", form, {**headers, **more})
    answer = connection.getresponse()
    cookie = answer.getheader("Set-Cookie")
    assert answer.status == 303 and cookie.startswith("__Host-") and cookie.endswith("; Secure"), (answer.status, cookie)
    visitor.open(f"http://127.0.0.1:{OPEN}/login?lang=en")
    assert "came without TLS" not in visitor.text(), "a login on one's own machine is nobody else's"


def fits_a_phone(browser):
    visitor = Visitor(browser, scripts=True)
    visitor.log_in(OPEN)
    visitor.ask("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=True)
    for path in ("/account?lang=en", "/account?lang=zh", "/?lang=en"):
        visitor.open(f"http://127.0.0.1:{OPEN}{path}")
        width = visitor.run("document.documentElement.scrollWidth")
        assert width == 390, f"{path} is {width} wide"
    if PICTURES:
        visitor.open(f"http://127.0.0.1:{OPEN}/account?lang=zh")
        visitor.picture("account-phone", 390)
    guest = Visitor(browser, scripts=True)
    guest.ask("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=True)
    guest.open(f"http://127.0.0.1:{OPEN}/login?lang=zh")
    assert guest.run("document.documentElement.scrollWidth") == 390
    guest.picture("login-phone", 390)


CASES = [
    ("a browser without scripts logs in, comes back to where it was, and logs out", logs_in_and_out),
    ("a wrong password says so and keeps the name", wrong_password),
    ("a login leads to no other site", no_other_site),
    ("a session that is ended elsewhere is over", ended_elsewhere),
    ("a disabled account is out", disabled),
    ("a new password ends the other sessions and keeps this one", changed_password),
    ("without the right to see, pages ask for a login and lead back", asks_for_a_login),
    ("the cookie is for TLS where the client speaks it", secure_behind_tls),
    ("the pages fit a phone", fits_a_phone),
]


def main():
    failed = 0
    browser = Chromium(program, f"{scratch}/profile", ["evil.example"])
    try:
        for what, case in CASES:
            try:
                case(browser)
                print(f"ok    {what}", flush=True)
            except (AssertionError, RuntimeError, OSError, ValueError, subprocess.CalledProcessError) as error:
                failed += 1
                print(f"FAIL  {what}: {error}", flush=True)
    finally:
        browser.close()
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
