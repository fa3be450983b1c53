// A small real upstream to try the gateway against: pets in memory, an API key in X-API-Key, node:http only.
// Start it with `node examples/petstore/server.mjs` (port 8081, or the first argument).

import { createServer } from 'node:http';

const API_KEY = 'demo-key';
const port = Number(process.argv[2] ?? 8081);
const pets = new Map([
  [1, { id: 1, name: 'Rex', kind: 'dog', age: 4 }],
  [2, { id: 2, name: 'Tom', kind: 'cat' }],
]);

const server = createServer((request, response) => {
  handle(request, response).catch((error) => {
    console.error(error);
    answer(response, 500, { message: 'something broke' });
  });
});

async function handle(request, response) {
  const url = new URL(request.url ?? '/', 'http://localhost');
  console.log(request.method, request.url);
  if (request.headers['x-api-key'] !== API_KEY)
    return answer(response, 401, { message: 'wrong or missing X-API-Key' });
  const id = /^\/pets\/(\d+)$/.exec(url.pathname)?.[1];
  if (url.pathname === '/pets' && request.method === 'GET') {
    const kind = url.searchParams.get('kind');
    const found = [...pets.values()].filter((pet) => kind === null || pet.kind === kind);
    return answer(response, 200, { pets: found.slice(0, Number(url.searchParams.get('limit') ?? 20)) });
  }
  if (url.pathname === '/pets' && request.method === 'POST') {
    const { name, kind, age } = await readJson(request);
    const pet = { id: Math.max(0, ...pets.keys()) + 1, name, kind, ...(age === undefined ? {} : { age }) };
    pets.set(pet.id, pet);
    return answer(response, 201, pet);
  }
  const pet = pets.get(Number(id));
  if (!pet) return answer(response, 404, { message: 'there is no such pet' });
  if (request.method === 'GET') return answer(response, 200, pet);
  if (request.method === 'DELETE') {
    pets.delete(pet.id);
    return answer(response, 204);
  }
  return answer(response, 405, { message: 'not for pets' });
}

async function readJson(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

function answer(response, status, body) {
  const text = body === undefined ? '' : JSON.stringify(body);
  response.writeHead(status, text === '' ? {} : { 'content-type': 'application/json' });
  response.end(text);
}

server.listen(port, '127.0.0.1', () =>
  console.log(`pets at http://127.0.0.1:${port}/pets, X-API-Key: ${API_KEY}`),
);
