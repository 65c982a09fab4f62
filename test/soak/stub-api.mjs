// A stand-in for the API that is much cheaper than the importer: raw sockets, nothing kept. Prints its port.
import { createServer } from 'node:net';

let id = 0;

const server = createServer({ noDelay: true }, (socket) => {
  let received = '';
  socket.setEncoding('latin1');
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    received += chunk;
    let answers = '';
    for (;;) {
      const headEnd = received.indexOf('\r\n\r\n');
      if (headEnd < 0) break;
      const head = received.slice(0, headEnd);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (received.length < headEnd + 4 + length) break;
      received = received.slice(headEnd + 4 + length);
      answers += head.startsWith('GET') ? answer('200 OK', '{"status":"success","data":[]}') : answer('201 Created', created());
    }
    if (answers !== '') socket.write(answers, 'latin1');
  });
});

function created() {
  return `{"status":"success","data":{"id":"m${++id}","createdAt":"${new Date().toISOString()}"}}`;
}

function answer(status, body) {
  return `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ndate: ${new Date().toUTCString()}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

server.listen(0, '127.0.0.1', () => console.log(server.address().port));
