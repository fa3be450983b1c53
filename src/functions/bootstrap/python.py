# Runs a Python handler inside a function's process: takes events from the Lambda Runtime API (2018-06-01), one after
# another, and hands back what the handler makes of them. Nothing but the standard library, Python 3.9 or newer.

import decimal
import http.client
import importlib
import json
import logging
import os
import socket
import sys
import threading
import time
import traceback

BASE = "/2018-06-01/runtime"
# The next event may come with the answer to this one; a Runtime API that knows no such thing just says thanks.
AND_NEXT = {"X-Gatewright-Next": "1"}


class SocketConnection(http.client.HTTPConnection):
    """A connection of a process without a network."""

    def __init__(self, path):
        super().__init__("localhost")
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self._path)


class RuntimeApi:
    """The Runtime API, over one connection that is kept."""

    def __init__(self):
        self._token = os.environ.pop("GATEWRIGHT_INSTANCE_TOKEN", "")
        path = os.environ.pop("GATEWRIGHT_RUNTIME_SOCKET", None)
        host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
        self._connection = SocketConnection(path) if path else http.client.HTTPConnection(host, int(port))

    def call(self, method, path, body=None, headers=None):
        sent = {"x-gatewright-instance": self._token, **(headers or {})}
        self._connection.request(method, BASE + path, body=body, headers=sent)
        answer = self._connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def next(self, answer=None):
        """The next event: the answer to the last request where that is one, else asked for."""
        status, headers, body = answer or (0, {}, b"")
        if status != 200 or not headers.get("Lambda-Runtime-Aws-Request-Id"):
            status, headers, body = self.call("GET", "/invocation/next")
        if status != 200:
            raise RuntimeError("The Runtime API answered with %s" % status)
        return headers, body

    def send_error(self, path, fault, more=None):
        kind = "".join(c for c in fault["errorType"] if c.isalnum() or c in "._")[:200]
        headers = {"Content-Type": "application/json", "Lambda-Runtime-Function-Error-Type": kind, **(more or {})}
        return self.call("POST", path, json.dumps(fault).encode(), headers)


class Identity:
    """Who called, for clients with an identity pool."""

    def __init__(self, text):
        value = json.loads(text) if text else {}
        self.cognito_identity_id = value.get("cognitoIdentityId")
        self.cognito_identity_pool_id = value.get("cognitoIdentityPoolId")


class Client:
    """The application of a client context."""

    def __init__(self, value):
        self.installation_id = value.get("installation_id")
        self.app_title = value.get("app_title")
        self.app_version_name = value.get("app_version_name")
        self.app_version_code = value.get("app_version_code")
        self.app_package_name = value.get("app_package_name")


class ClientContext:
    """What the caller sent beside the event."""

    def __init__(self, value):
        self.custom = value.get("custom")
        self.env = value.get("env")
        client = value.get("client")
        self.client = Client(client) if isinstance(client, dict) else None


class LambdaContext:
    """The second argument of a handler."""

    def __init__(self, headers):
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.tenant_id = None
        text = headers.get("Lambda-Runtime-Client-Context")
        value = json.loads(text) if text else None
        self.client_context = ClientContext(value) if isinstance(value, dict) else None
        self.identity = Identity(headers.get("Lambda-Runtime-Cognito-Identity"))
        self._deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline_ms - int(time.time() * 1000))

    def log(self, message):
        sys.stdout.write(str(message))


class RequestIdFilter(logging.Filter):
    """Adds the id of the present request to each record."""

    request_id = ""

    def filter(self, record):
        record.aws_request_id = RequestIdFilter.request_id
        return True


class LineHandler(logging.StreamHandler):
    """Writes to whatever sys.stdout is at the moment."""

    def __init__(self):
        super().__init__(sys.stdout)
        formatter = logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S"
        )
        formatter.converter = time.gmtime
        self.setFormatter(formatter)
        self.addFilter(RequestIdFilter())


class HandlerFault(Exception):
    """A handler that cannot be had; `kind` is the Runtime's name for why."""

    def __init__(self, kind, message, trace=None):
        super().__init__(message)
        self.kind = kind
        self.trace = trace or []


def fault_of(error, request_id=None):
    if isinstance(error, HandlerFault):
        fault = {"errorMessage": str(error), "errorType": error.kind, "stackTrace": error.trace}
    else:
        # The first frame is this file's.
        frames = traceback.extract_tb(error.__traceback__)
        own = os.path.abspath(__file__)
        shown = [frame for frame in frames if os.path.abspath(frame.filename) != own]
        fault = {
            "errorMessage": str(error),
            "errorType": type(error).__name__,
            "stackTrace": traceback.format_list(shown),
        }
    if request_id:
        fault["requestId"] = request_id
    return fault


def load_handler():
    text = os.environ.get("_HANDLER", "")
    module_name, dot, function_name = text.rpartition(".")
    if not dot or not module_name or not function_name:
        raise HandlerFault(
            "Runtime.MalformedHandlerName", "Bad handler '%s': not enough values to unpack (expected 2, got 1)" % text
        )
    try:
        if module_name.split(".")[0] in sys.builtin_module_names:
            raise HandlerFault(
                "Runtime.BuiltInModuleConflict",
                "Cannot use built-in module %s as a handler module" % module_name,
            )
        module = importlib.import_module(module_name.replace("/", "."))
    except HandlerFault:
        raise
    except SyntaxError as error:
        trace = ['  File "%s" Line %s\n    %s\n' % (error.filename, error.lineno, error.text)]
        raise HandlerFault(
            "Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module_name, error), trace
        ) from error
    except ImportError as error:
        raise HandlerFault(
            "Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module_name, error)
        ) from error
    handler = getattr(module, function_name, None)
    if not callable(handler):
        raise HandlerFault(
            "Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (function_name, module_name)
        )
    return handler


def to_json_value(value):
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() and value.is_finite() else float(value)
    raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


def marshal(value):
    try:
        return json.dumps(value, default=to_json_value, ensure_ascii=False).encode()
    except Exception as error:
        raise HandlerFault("Runtime.MarshalError", "Unable to marshal response: %s" % error) from error


def handle(api, handler, headers, body):
    """Gives the answer of the Runtime API, which may be the next event."""
    request_id = headers["Lambda-Runtime-Aws-Request-Id"]
    RequestIdFilter.request_id = request_id
    trace = headers.get("Lambda-Runtime-Trace-Id")
    if trace:
        os.environ["_X_AMZN_TRACE_ID"] = trace
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    try:
        answer = marshal(handler(json.loads(body), LambdaContext(headers)))
        fault = None
    except Exception as error:
        fault = fault_of(error, request_id)
        answer = b""
    if fault is None:
        flush()
        path = "/invocation/%s/response" % request_id
        return api.call("POST", path, answer, {"Content-Type": "application/json", **AND_NEXT})
    print("[ERROR] %s: %s" % (fault["errorType"], fault["errorMessage"]))
    for frame in fault["stackTrace"]:
        print(frame.rstrip("\n"))
    flush()
    return api.send_error("/invocation/%s/error" % request_id, fault, AND_NEXT)


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            # A handler may have closed or replaced it; that is its own business.
            pass


def pump(source, target):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for each in (source, target):
            each.close()


def offer_proxy():
    """Clients know proxies by address only: what comes there goes on to the socket of the proxy."""
    path = os.environ.pop("GATEWRIGHT_EGRESS_SOCKET", None)
    port = os.environ.pop("GATEWRIGHT_EGRESS_PORT", None)
    if not path:
        return
    door = socket.create_server(("127.0.0.1", int(port)))

    def serve():
        while True:
            client, _ = door.accept()
            out = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                out.connect(path)
            except OSError:
                client.close()
                continue
            for pair in ((client, out), (out, client)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()


def main():
    api = RuntimeApi()
    offer_proxy()
    root = os.environ.get("LAMBDA_TASK_ROOT", os.getcwd())
    sys.path.insert(0, root)
    logging.getLogger().addHandler(LineHandler())
    try:
        handler = load_handler()
    except Exception as error:
        fault = fault_of(error)
        print("[ERROR] %s: %s" % (fault["errorType"], fault["errorMessage"]))
        flush()
        api.send_error("/init/error", fault)
        sys.exit(1)
    answer = None
    while True:
        headers, body = api.next(answer)
        answer = handle(api, handler, headers, body)


if __name__ == "__main__":
    # Handlers import this file's folder by no accident: only their own code and layers are on the path.
    if sys.path and os.path.abspath(sys.path[0]) == os.path.dirname(os.path.abspath(__file__)):
        sys.path.pop(0)
    main()
