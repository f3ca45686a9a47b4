"""What pages of strangers can do with a registry on the machine of whoever opens them, in a real browser.

    pages.py CHROMIUM SCRATCH PORTS     PORTS: of entrepot without a token, with one, of nginx in front of a third, of that third,
                                        of the registry that this plays, of the pages that it serves

One line for each case; ends with the counts.
"""
import hashlib, http.client, json, ssl, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from chromium import Chromium

program, scratch = sys.argv[1:3]
OPEN, TOKEN, FRONT, BEHIND, REGISTRY, PAGES = map(int, sys.argv[3:9])
RUN = "/api/v1/sync/rules/r1/run"
PUSHED = b"from a page"
asked = []  # of the registry that this plays


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def manifest(media_type, title):
    """A document that is an image to a registry, and a page with a script to a browser."""
    script = f"<script>document.title='{title}';fetch('{RUN}',{{method:'POST'}})</script>"
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(b"{}"), "size": 2}
    return json.dumps({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [], "annotations": {"x": script}}).encode()


FORM = f'<form method="post" action="http://localhost:{OPEN}{RUN}"></form><script>document.forms[0].submit()</script>'
PICTURE = f'<img src="http://localhost:{OPEN}/v2/evil.test/picture/manifests/x">'


class Stranger(BaseHTTPRequestHandler):
    """A registry at one port, whose manifests are pages; pages at the other."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.server.server_port == REGISTRY:
            asked.append(self.path)
            found = "/manifests/" in self.path
            kind, body = "application/json", manifest("image/svg+xml" if "svg" in self.path else "text/html", "pwned") if found else b"{}"
        else:
            pages = {"/form": FORM, "/picture": PICTURE, "/control": manifest("text/html", "it runs").decode()}
            found, kind, body = True, "text/html", pages.get(self.path, "a page").encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET


def serve(port):
    server = ThreadingHTTPServer(("127.0.0.1", port), Stranger)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()


def request(port, method, path, body=None, headers=(), tls=False):
    if tls:
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=ssl._create_unverified_context())
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.RemoteDisconnected:
        return 444, b""
    finally:
        connection.close()


def begun(port):
    headers = {"Host": "m.example.com"} if port == BEHIND else {}
    return len(json.loads(request(port, "GET", "/api/v1/sync/runs", headers=headers)[1])["runs"])


# ---- the cases ----------------------------------------------------------------------------------

def control(browser):
    page = browser.page()
    page.open(f"http://127.0.0.1:{PAGES}/control")
    assert page.run("document.title") == "it runs", "the script of a page does not run, so that nothing is shown by what follows"


def pushed_page(browser):
    request(OPEN, "POST", f"/v2/local/x/blobs/uploads/?digest={digest(b'{}')}", b"{}")
    status, said = request(OPEN, "PUT", "/v2/local/x/manifests/evil", manifest("text/html", "pwned"), {"Content-Type": "text/html"})
    assert status == 400 and b"MANIFEST_INVALID" in said, (status, said)
    nothing_runs(browser, "/v2/local/x/manifests/evil")


def mirrored_page(browser):
    for name in ("page", "svg"):
        nothing_runs(browser, f"/v2/evil.test/{name}/manifests/y")
    assert any("/page/manifests/" in path for path in asked), "the mirror was not asked for it"


def nothing_runs(browser, path):
    page = browser.page()
    page.open(f"http://localhost:{OPEN}{path}")
    assert page.run("document.title") != "pwned", f"{path} is a page"
    assert begun(OPEN) == 0, f"{path} began a run"


def cross_site_push(browser):
    page = browser.page()
    page.open(f"http://127.0.0.1:{PAGES}/")
    page.run(f"""(async () => {{
        const at = 'http://localhost:{OPEN}/v2/local/csrf/', send = {{ method: 'POST', mode: 'no-cors' }};
        await fetch(at + 'blobs/uploads/?digest={digest(PUSHED)}', {{ ...send, body: '{PUSHED.decode()}' }});
        for (let i = 0; i < 300; i++) await fetch(at + 'blobs/uploads/', send);
        await fetch(at + 'manifests/x', {{ method: 'DELETE' }}).catch(() => null);
    }})()""")
    assert request(OPEN, "GET", f"/v2/local/csrf/blobs/{digest(PUSHED)}")[0] == 404, "the blob is there"
    assert request(OPEN, "POST", "/v2/local/csrf/blobs/uploads/")[0] == 202, "the owner may not push any more"


def cross_site_form(browser):
    page = browser.page()
    page.open_until(f"http://127.0.0.1:{PAGES}/form", RUN)
    assert "another site" in page.run("document.body.innerText"), page.run("document.body.innerText")
    assert begun(OPEN) == 0, "a form began a run"


def cross_site_picture(browser):
    browser.page().open(f"http://127.0.0.1:{PAGES}/picture")
    assert not [path for path in asked if "/picture/" in path], "a picture made the mirror download"


def rebound_name(browser):
    page = browser.page()
    page.open_as(f"http://evil.example:{OPEN}/", "a page")
    blob = f"/v2/local/x/blobs/{digest(b'{}')}"
    asks = [("GET", blob), ("DELETE", blob), ("POST", "/v2/local/x/blobs/uploads/"), ("GET", "/api/v1/sync/rules"), ("POST", RUN)]
    told = page.run(f"Promise.all({json.dumps(asks)}.map(async ([method, path]) => (await fetch(path, {{ method }})).status))")
    assert told == [421] * len(asks), told
    assert request(OPEN, "GET", f"/v2/local/x/blobs/{digest(b'{}')}")[0] == 200, "the blob is gone"
    assert begun(OPEN) == 0, "a rebound name began a run"


CLICK = """(async () => {
    const answered = new Promise((resolve) => {
        const fetching = window.fetch;
        window.fetch = async (url, ...rest) => {
            const answer = await fetching(url, ...rest);
            if (String(url).endsWith('/run')) resolve(answer.status);
            return answer;
        };
    });
    document.querySelector('button[data-post$="/run"]').click();
    return answered;
})()"""
TYPE = """(async () => {
    const dialog = document.getElementById('token');
    while (!dialog.open) await new Promise(requestAnimationFrame);
    dialog.querySelector('input').value = 'SECRETTOK';
    const answered = new Promise((resolve) => {
        const fetching = window.fetch;
        window.fetch = async (...all) => { const answer = await fetching(...all); resolve(answer.status); return answer; };
    });
    dialog.querySelector('button[value="ok"]').click();
    return [await answered, sessionStorage.getItem('token')];
})()"""


def own_page(browser):
    page = browser.page()
    page.open(f"http://localhost:{OPEN}/sync?lang=en")
    status = page.run(CLICK)
    assert status == 202 and begun(OPEN) == 1, status


def own_page_with_a_token(browser):
    page = browser.page()
    page.open(f"http://localhost:{TOKEN}/sync?lang=en")
    assert page.run(CLICK) == 401 and begun(TOKEN) == 0, "no token was asked for"
    told = page.run(TYPE)
    assert told == [202, "SECRETTOK"] and begun(TOKEN) == 1, told


ASK = """new Promise((resolve) => {
    new MutationObserver(() => {
        const commands = document.getElementById('commands');
        if (!commands.textContent.includes('bitnami')) return;
        const shown = [...commands.querySelectorAll('.tool')].filter((tool) => tool.checkVisibility());
        resolve([shown.length, shown[0].innerText, location.search]);
    }).observe(document.body, { subtree: true, childList: true });
    const image = document.getElementById('image');
    image.value = 'https://hub.docker.com/r/bitnami/redis/tags';
    document.getElementById('tool-podman').click();
    image.dispatchEvent(new Event('input', { bubbles: true }));
})"""


def first_page(browser):
    page = browser.page()
    page.ask("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=True)
    for path in ("/?lang=en", "/?lang=zh", "/guide?lang=zh", "/sync?lang=en", "/nowhere?lang=zh"):
        page.open(f"http://localhost:{OPEN}{path}")
        width = page.run("document.documentElement.scrollWidth")
        assert width == 390, f"{path} is {width} wide"
    page.open(f"http://localhost:{OPEN}/?lang=en")
    count, text, query = page.run(ASK)
    assert count == 1 and f"podman pull --tls-verify=false localhost:{OPEN}/docker.io/bitnami/redis" in text, text
    assert "tool=podman" in query and "bitnami" in query, query


# The example of docs/how-to/tls.md stands in front of a server that counts programs on this machine as local.
def documented_proxy(_):
    assert request(BEHIND, "POST", RUN)[0] == 202, "a program on this machine may not begin a run at first"
    before = begun(BEHIND)
    for host in ("localhost", "127.0.0.1", "127.0.0.1:5000", "evil.example"):
        assert request(FRONT, "POST", RUN, headers={"Host": host}, tls=True)[0] == 444, f"{host} is answered"
    assert request(FRONT, "GET", "/sync?lang=en", headers={"Host": "m.example.com"}, tls=True)[0] == 200
    status, _ = request(FRONT, "POST", RUN, headers={"Host": "m.example.com"}, tls=True)
    assert status == 403, status
    # From now on nobody is local.
    assert request(BEHIND, "POST", RUN)[0] == 403, "a program on this machine still may"
    assert begun(BEHIND) == before, "a run began"
    status, page = request(BEHIND, "GET", "/sync?lang=en")
    assert status == 200 and b"data-post" not in page and b"Runs are begun and stopped on the server" in page, status


CASES = [
    ("A01", "a script in a page runs in this browser", control),
    ("A01", "a page that is pushed as a manifest is refused", pushed_page),
    ("A01", "a page that is mirrored as a manifest is no page", mirrored_page),
    ("A03", "a page of another site pushes nothing and takes no place for uploads", cross_site_push),
    ("A03", "a form of another site begins nothing", cross_site_form),
    ("A03", "a picture in a page of another site downloads nothing", cross_site_picture),
    ("A03", "a name that was pointed here sees and changes nothing", rebound_name),
    ("page", "the first page fits a phone and turns what is typed into commands", first_page),
    ("A04", "the button of our own page begins a run", own_page),
    ("A04", "where there is a token the page asks for it", own_page_with_a_token),
    ("A04", "behind the documented nginx nobody is local", documented_proxy),
]


def main():
    serve(REGISTRY)
    serve(PAGES)
    failed = 0
    browser = Chromium(program, f"{scratch}/profile", ["evil.example"])
    try:
        for name, what, case in CASES:
            try:
                case(browser)
                print(f"ok    {name}  {what}", flush=True)
            except (AssertionError, RuntimeError, OSError) as error:
                failed += 1
                print(f"FAIL  {name}  {what}: {error}", flush=True)
    finally:
        browser.close()
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
