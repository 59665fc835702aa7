"""A real mail server that misbehaves on request, for the tests in tests/it/smtp*.rs.

Prints the port that it listens on. Each message that it accepts becomes a JSON file in --folder,
written whole; the dialogue goes to --folder/dialogue.log.
"""

import argparse
import asyncio
import itertools
import json
import logging
import os
import ssl

from aiosmtpd.smtp import SMTP, AuthResult


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--certificate", help="offer STARTTLS with this PEM file")
    parser.add_argument("--wrapped", action="store_true", help="TLS from the first byte")
    parser.add_argument("--login", help="user:password that is required")
    parser.add_argument("--refuse", default="\0", help="550 for recipients that contain this")
    parser.add_argument("--refuse-data", action="store_true", help="552 for every message")
    parser.add_argument("--answer", action="append", default=[], metavar="STEP[:WHO]=REPLY",
                        help="a refusal of EHLO, MAIL, RCPT, DATA or the message (END)")
    parser.add_argument("--no-8bitmime", action="store_true", help="offer no 8BITMIME")
    parser.add_argument("--busy", type=int, default=0, help="451 for so many recipients at first")
    parser.add_argument("--mute", action="store_true", help="accept connections, say nothing")
    parser.add_argument("--slow", type=float, default=0, help="seconds for each recipient")
    parser.add_argument("--slow-for", default="", help="only for recipients that contain this")
    parser.add_argument("--hang-data", type=int, default=0, help="keep so many, answer nothing")
    parser.add_argument("--drop-data", type=int, default=0, help="keep so many, then hang up")
    return parser.parse_args()


class Handler:
    """What the server does with mail."""

    def __init__(self, asked):
        self.asked = asked
        self.busy = asked.busy
        self.hang = asked.hang_data
        self.drop = asked.drop_data
        self.names = itertools.count()
        self.answers = dict(it.split("=", 1) for it in asked.answer)

    def answer(self, step, address=""):
        """The refusal that was asked for, of everybody or of whoever has this address."""
        return self.answers.get(step) or self.answers.get(f"{step}:{address.split('@')[0]}")

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        if self.answer("EHLO"):
            return [self.answer("EHLO")]
        if self.asked.no_8bitmime:
            responses = [it for it in responses if "8BITMIME" not in it]
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        if self.answer("MAIL"):
            return self.answer("MAIL")
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.busy > 0:
            self.busy -= 1
            return "451 4.7.1 Come back later"
        if self.answer("RCPT", address):
            return self.answer("RCPT", address)
        if self.asked.slow_for in address:
            await asyncio.sleep(self.asked.slow)
        if self.asked.refuse in address:
            return "550 5.1.1 Nobody of that name here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.asked.refuse_data:
            return "552 5.2.2 The mailbox is full"
        if self.answer("END", envelope.rcpt_tos[0]):
            return self.answer("END", envelope.rcpt_tos[0])
        self.keep(session, envelope)
        if self.hang > 0:
            self.hang -= 1
            await asyncio.sleep(3600)
        if self.drop > 0:
            self.drop -= 1
            server.transport.close()
        return "250 2.0.0 Thank you"

    def keep(self, session, envelope):
        name = f"{os.getpid()}-{next(self.names):06}"
        path = os.path.join(self.asked.folder, name)
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "message": envelope.content.decode("utf-8", "surrogateescape"),
            "encrypted": session.ssl is not None or self.asked.wrapped,
            "user": session.auth_data,
            "hello": session.host_name,
            "options": envelope.mail_options,
        }
        with open(path + ".tmp", "w", encoding="utf-8", errors="replace") as file:
            json.dump(mail, file)
        os.rename(path + ".tmp", path + ".json")


class Server(SMTP):
    """Refuses DATA too, if asked."""

    async def smtp_DATA(self, arg):
        answer = self.event_handler.answer("DATA", self.envelope.rcpt_tos[0])
        if answer:
            await self.push(answer)
        else:
            await super().smtp_DATA(arg)


def authenticator(login):
    def check(server, session, envelope, mechanism, data):
        given = f"{data.login.decode()}:{data.password.decode()}"
        return AuthResult(success=given == login, handled=False, auth_data=data.login.decode())

    return check


async def serve(asked):
    loop = asyncio.get_running_loop()
    context = None
    if asked.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(asked.certificate)
    handler = Handler(asked)
    more = {}
    if asked.login:
        more = {
            "authenticator": authenticator(asked.login),
            "auth_required": True,
            "auth_require_tls": not asked.wrapped and context is not None,
        }

    def protocol():
        if asked.mute:
            return asyncio.Protocol()
        inner = None if asked.wrapped else context
        return Server(handler, hostname="mail.test", tls_context=inner, loop=loop, **more)

    outer = context if asked.wrapped else None
    server = await loop.create_server(protocol, "127.0.0.1", asked.port, ssl=outer)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main():
    asked = arguments()
    log = logging.getLogger("mail.log")
    log.addHandler(logging.FileHandler(os.path.join(asked.folder, "dialogue.log")))
    log.setLevel(logging.DEBUG)
    log.propagate = False
    asyncio.run(serve(asked))


main()
