import RFB from './novnc/core/rfb.js';

const status = document.getElementById('status');
const keys = document.getElementById('keys');
const { protocol, host, search } = location;
const address = `${protocol.replace('http', 'ws')}//${host}/${new URLSearchParams(search).get('path') ?? ''}`;

const screen = new RFB(document.getElementById('screen'), address);
screen.scaleViewport = true;
screen.addEventListener('desktopname', ({ detail }) => (document.title = detail.name));
screen.addEventListener('connect', () => {
  status.textContent = 'Connected';
  keys.hidden = false;
  screen.focus();
});
screen.addEventListener('disconnect', () => {
  status.textContent = 'The connection has ended. Each address is good once: ask for another console.';
  keys.hidden = true;
});
keys.addEventListener('click', () => screen.sendCtrlAltDel());
