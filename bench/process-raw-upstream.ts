// An API that takes as little as it can of the machine: answers made once, on plain sockets. `/pet` is a small object,
// `/pets` a page of a list as APIs give them. Tells its port to the parent process.

import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

const pet = (id: number): object => ({
  id,
  name: `Rex ${id}`,
  kind: 'dog',
  tags: ['brown', 'large'],
  owner: { id: 3, name: 'Ada' },
});
const PET = answerOf(pet(7));
const PETS = answerOf({ items: Array.from({ length: 100 }, (_, index) => pet(index)), next: 'page-2' });
const LIST = Buffer.from('GET /pets ');

function answerOf(value: object): Buffer {
  const body = JSON.stringify(value);
  return Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
}

// The gateway sends one request at a time over a connection, and those of the bench have no body.
const server = createServer({ noDelay: true }, (socket) => {
  socket.on('data', (request) => {
    socket.write(request.subarray(0, LIST.length).equals(LIST) ? PETS : PET);
  });
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on('disconnect', () => process.exit(0));
