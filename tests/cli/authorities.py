"""Time-stamp authorities that are not ours, for tests/cli/time.sh. Usage: authorities.py MANNER [DIR].

Listens on a port of 127.0.0.1 that the kernel chooses, prints its URL, and serves until it is killed:
  openssl  answers with `openssl ts -reply`, as DIR/tsa.cnf has it
  resign   the same by DIR/../foreign, with the signature taken off and one of DIR/tsa.pem put on, which
           openssl ts itself would not do for a certificate of another purpose
  hang     takes requests and never answers
  html     answers everything with a page"""
import http.server
import subprocess
import sys
import threading

manner = sys.argv[1]
directory = sys.argv[2] if len(sys.argv) > 2 else "."
lock = threading.Lock()  # openssl's file of serial numbers


def openssl(place, *arguments):
    return subprocess.run(["openssl", *arguments], cwd=place, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=False).stdout


def stamp(place):
    return openssl(place, "ts", "-reply", "-config", "tsa.cnf", "-queryfile", directory + "/query")


def resigned():
    with open(directory + "/good", "wb") as file:
        file.write(stamp(directory + "/../foreign"))
    openssl(directory, "ts", "-reply", "-in", "good", "-token_out", "-out", "token")
    openssl(directory, "cms", "-verify", "-noverify", "-inform", "DER", "-in", "token", "-out", "info")
    openssl(directory, "cms", "-sign", "-binary", "-nodetach", "-in", "info", "-outform", "DER",
            "-econtent_type", "1.2.840.113549.1.9.16.1.4", "-md", "sha256", "-cades", "-signer", "tsa.pem",
            "-inkey", "tsa.key", "-certfile", "ca.pem", "-out", "signed")
    return openssl(directory, "ts", "-reply", "-in", "signed", "-token_in")


class Authority(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        query = self.rfile.read(int(self.headers["Content-Length"]))
        if manner == "hang":
            threading.Event().wait()
        if manner == "html":
            self.answer("text/html", b"<html>Sign in first</html>")
            return
        with lock:
            with open(directory + "/query", "wb") as file:
                file.write(query)
            reply = resigned() if manner == "resign" else stamp(directory)
        self.answer("application/timestamp-reply", reply)

    def answer(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Authority)
print(f"http://127.0.0.1:{server.server_address[1]}/tsa", flush=True)
server.serve_forever()
