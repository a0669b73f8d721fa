import { Terminal } from './xterm/xterm.mjs';

const status = document.getElementById('status');
const { protocol, host, pathname, search } = location;
const line = new WebSocket(`${protocol.replace('http', 'ws')}//${host}${pathname.replace(/[^/]*$/, 'stream')}${search}`);
line.binaryType = 'arraybuffer';

const terminal = new Terminal({ convertEol: false, scrollback: 5000 });
terminal.open(document.getElementById('screen'));
const encoder = new TextEncoder();
terminal.onData((text) => line.readyState === WebSocket.OPEN && line.send(encoder.encode(text)));
line.addEventListener('message', ({ data }) => terminal.write(new Uint8Array(data)));
line.addEventListener('open', () => {
  status.textContent = 'Connected';
  terminal.focus();
});
line.addEventListener('close', () => (status.textContent = 'The connection has ended. Each address is good once: ask for another console.'));
