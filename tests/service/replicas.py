"""Several bots with one PostgreSQL database, behind a proxy that shares the webhook's calls among them."""

import itertools

from infra import Proxy, free_port

HOOK = "/hook"


class Replicas:
    def __init__(self, service, postgres, names=("bot1", "bot2"), **settings):
        self.service, self.names = service, names
        for name in names:
            service.ports[name] = free_port()
        turns = itertools.count()
        self.proxy = Proxy(lambda: service.ports[names[next(turns) % len(names)]])
        self.settings = {"P2P_DATABASE_URL": postgres.url, "P2P_TELEGRAM_WEBHOOK_URL": f"http://127.0.0.1:{self.proxy.port}{HOOK}", **settings}

    def start(self, *names, ready=True):
        for name in names or self.names:
            self.service.start(name, ready=False, **self.settings)
        for name in names or self.names:
            if ready:
                self.service.wait_ready(name)

    def log(self, name):
        return self.service.processes[name].text()

    def working(self):
        """The bot whose last word is that it works; None while none does."""
        def last(name):
            log = self.log(name)
            return log.rfind("info  working"), max(log.rfind("waiting: another process"), log.rfind("the database is not available"), log.rfind("info  stopped"))
        for name in self.names:
            works, not_ = last(name)
            if self.service.processes[name].alive() and works > not_:
                return name
        return None
