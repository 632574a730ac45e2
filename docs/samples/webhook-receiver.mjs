// Receives ScaiGrid's events in Node.js, without packages: SECRET=whsec_… PORT=8080 node webhook-receiver.mjs
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const TOLERANCE_SECONDS = 300;

// Checks "t=…,v1=…": who sent the body, and that it was sent just now.
export function isGenuine(secret, signature, body, now = Date.now() / 1000) {
  const parts = (signature ?? "").split(",").map((part) => part.split("="));
  const sent = parts.find(([name]) => name === "t")?.[1];
  if (!/^\d+$/.test(sent ?? "") || Math.abs(now - Number(sent)) > TOLERANCE_SECONDS) return false;
  const expected = createHmac("sha256", secret).update(`${sent}.`).update(body).digest();
  return parts
    .filter(([name, value]) => name === "v1" && /^[0-9a-f]{64}$/.test(value ?? ""))
    .some(([, value]) => timingSafeEqual(Buffer.from(value, "hex"), expected));
}

const server = createServer(async (request, response) => {
  // The bytes as they came: a document that was parsed and written again has another signature.
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  if (!isGenuine(process.env.SECRET, request.headers["x-scaigrid-signature-v2"], body)) {
    response.writeHead(401).end();
    return;
  }

  // Answer quickly, and remember event_id: an event can come twice.
  response.writeHead(204).end();
  const event = JSON.parse(body);
  console.log(event.event_type, event.event_id);
});
server.listen(Number(process.env.PORT ?? 8080), process.env.HOST ?? "127.0.0.1");
