"""Chromium, driven over the pipe of its DevTools protocol, in a profile of its own."""
import base64, collections, json, os, select, subprocess, time

PATIENCE = 60
FLAGS = ("--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
         " --disable-component-update --disable-sync --no-proxy-server --remote-debugging-pipe"
         # What newer browsers do about pages that ask this machine is no defence of ours.
         " --disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests").split()


class Chromium:
    """One browser. `names` are host names that are at 127.0.0.1 for it, as a stranger's DNS may say."""

    def __init__(self, program, profile, names=()):
        to_read, self.write = os.pipe()
        self.read, to_write = os.pipe()
        rules = ",".join(f"MAP {name} 127.0.0.1" for name in names)
        command = [program, *FLAGS, f"--user-data-dir={profile}", f"--host-resolver-rules={rules}", "about:blank"]
        # The browser reads from descriptor 3 and writes to 4.
        script = f'exec "$@" 3<&{to_read} 4>&{to_write}'
        self.process = subprocess.Popen(["bash", "-c", script, "chromium", *command], pass_fds=(to_read, to_write),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.buffer, self.number, self.events = b"", 0, collections.deque()

    def _message(self):
        end = time.monotonic() + PATIENCE
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.read], [], [], max(0, end - time.monotonic()))
            chunk = os.read(self.read, 1 << 20) if ready else b""
            if not chunk:
                raise RuntimeError("the browser does not answer")
            self.buffer += chunk
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def send(self, method, session=None, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        os.write(self.write, json.dumps(request).encode() + b"\0")
        return self.number

    def ask(self, method, session=None, **params):
        number = self.send(method, session, **params)
        while True:
            message = self._message()
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            self.events.append(message)

    def event(self, session, *methods):
        """Waits for an event; what came before is looked at first."""
        while True:
            message = self.events.popleft() if self.events else self._message()
            if message.get("sessionId") == session and message.get("method") in methods:
                return message["method"], message["params"]

    def page(self):
        return Page(self)

    def close(self):
        try:
            self.ask("Browser.close")
        except (RuntimeError, OSError):
            self.process.kill()
        self.process.wait()


class Page:
    """One tab."""

    def __init__(self, browser):
        self.browser = browser
        target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.ask("Page.enable")

    def ask(self, method, **params):
        return self.browser.ask(method, self.session, **params)

    def open(self, url):
        """Goes there. What is no document but a download is no error; it is said instead."""
        self.browser.events.clear()
        answer = self.ask("Page.navigate", url=url)
        failed = answer.get("errorText")
        if not failed:
            self.loaded(lambda loader: loader == answer["loaderId"])
        return failed

    def click(self, selector):
        """Clicks what leads to another page, and waits for that page."""
        before = self.ask("Page.getFrameTree")["frameTree"]["frame"]["loaderId"]
        self.browser.events.clear()
        self.run(f"document.querySelector({json.dumps(selector)}).click()")
        self.loaded(lambda loader: loader != before)

    def loaded(self, wanted):
        """Waits for the end of a load; that of the page before, which may be told late, is none."""
        while True:
            frame = self.browser.event(self.session, "Page.frameNavigated")[1]["frame"]
            if "parentId" not in frame and wanted(frame["loaderId"]):
                break
        self.browser.event(self.session, "Page.loadEventFired")

    def open_until(self, url, end):
        """Goes there, and on to where the page leads by itself."""
        self.browser.events.clear()
        self.ask("Page.navigate", url=url)
        while not self.browser.event(self.session, "Page.frameNavigated")[1]["frame"]["url"].endswith(end):
            pass
        self.browser.event(self.session, "Page.loadEventFired")

    def open_as(self, url, html):
        """Goes there, and is shown this instead of what is there: the page that was there before the name moved."""
        self.browser.events.clear()
        self.ask("Fetch.enable", patterns=[{"urlPattern": url}])
        self.browser.send("Page.navigate", self.session, url=url)
        _, paused = self.browser.event(self.session, "Fetch.requestPaused")
        headers, body = [{"name": "Content-Type", "value": "text/html"}], base64.b64encode(html.encode()).decode()
        self.ask("Fetch.fulfillRequest", requestId=paused["requestId"], responseCode=200, responseHeaders=headers, body=body)
        self.browser.event(self.session, "Page.loadEventFired")
        self.ask("Fetch.disable")

    def run(self, script):
        """What a script comes to, after its promise."""
        told = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in told:
            raise RuntimeError(told["exceptionDetails"]["exception"].get("description", "the script failed"))
        return told["result"].get("value")
