"""Access to the storage with one account: requests signed in the URL (SigV4), as by the program."""

import hashlib
import hmac
import time
import urllib.error
import urllib.parse
import urllib.request


class S3:
    def __init__(self, endpoint, access, secret, region="us-east-1"):
        self.endpoint, self.access, self.secret, self.region = endpoint, access, secret, region

    def sign(self, method, path, seconds=300, host=None, **query):
        """Returns the signed URL."""
        host = host or self.endpoint.split("//")[1]
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        scope = f"{at[:8]}/{self.region}/s3/aws4_request"
        query = {"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"{self.access}/{scope}", "X-Amz-Date": at, "X-Amz-Expires": str(seconds), "X-Amz-SignedHeaders": "host", **query}
        words = "&".join(f"{urllib.parse.quote(name, safe='')}={urllib.parse.quote(value, safe='')}" for name, value in sorted(query.items()))
        request = f"{method}\n{urllib.parse.quote(path)}\n{words}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
        key = ("AWS4" + self.secret).encode()
        for part in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"):
            key = hmac.digest(key, part.encode(), "sha256")
        return f"{self.endpoint}{urllib.parse.quote(path)}?{words}&X-Amz-Signature={key.hex()}"

    def __call__(self, method, path, body=None, **query):
        return send(self.sign(method, path, **query), method, body)


def send(url, method="GET", body=None, **headers):
    """Returns (status, body); status 0 without a response."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method), timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""
