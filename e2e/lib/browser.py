"""A browser without a window, for pages that are forms: cookies, redirects, and what stands in a form.

    browser.py COOKIES get URL
    browser.py COOKIES login URL NAME          at a provider that asks for a name, then for consent
    browser.py COOKIES post URL FIELD=VALUE...

Prints the status, the address it ended at, and the page.
"""

import http.cookiejar
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request


class Browser:
    def __init__(self, file):
        self.cookies = http.cookiejar.MozillaCookieJar(file)
        if os.path.exists(file):
            self.cookies.load(ignore_discard=True)
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.cookies)
        )

    def open(self, url, form=None):
        """The status, the last address, and the page; redirects are followed."""
        request = urllib.request.Request(url, headers={"Accept": "text/html"})
        if form is not None:
            parts = urllib.parse.urlsplit(url)
            request.data = urllib.parse.urlencode(form).encode()
            # A browser sends it with the form, and not where that leads to.
            request.add_unredirected_header("Origin", f"{parts.scheme}://{parts.netloc}")
        try:
            answer = self.opener.open(request, timeout=20)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return answer.status, answer.url, answer.read().decode()

    def log_in(self, url, name):
        """Goes through the forms of a provider until it sends us elsewhere."""
        status, at, page = self.open(url)
        for _ in range(4):
            form = re.search(r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', page, re.S)
            if status != 200 or "/interaction/" not in at or not form:
                break
            fields = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form[2]))
            if 'name="login"' in form[2]:
                fields |= {"login": name, "password": "any"}
            status, at, page = self.open(urllib.parse.urljoin(at, form[1]), fields)
        return status, at, page


def main(file, verb, url, *rest):
    browser = Browser(file)
    if verb == "login":
        answer = browser.log_in(url, rest[0])
    else:
        form = dict(field.split("=", 1) for field in rest) if verb == "post" else None
        answer = browser.open(url, form)
    browser.cookies.save(ignore_discard=True)
    print(*answer, sep="\n")


main(*sys.argv[1:])
