// A live mode over the socket /live: frames out, panels back (neurosplat/page/live_page.h).

import { drawPanels, layOut } from './drawing.js';

const MOST_IN_FLIGHT = 2;

export class LiveMode {
  /** `mode` as the server described it; `tell` gets {figures, note} of each frame and errors. */
  constructor(mode, socket, stage, tell) {
    this.mode = mode;
    this.socket = socket;
    this.tell = tell;
    this.canvases = layOut(stage, Array.from({ length: mode.panels }, (_, place) => mode.panel_names[place] || ''));
    this.sent = new Map();
    this.ready = false;
    this.number = 0;
  }

  get frameSide() {
    return 256;
  }

  begin(choices) {
    this.sent.clear();
    this.ready = false;
    this.socket.send(JSON.stringify({ mode: this.mode.name, choices }));
  }

  forget() {
    this.socket.send(JSON.stringify({ reset: true }));
  }

  get wantsFrame() {
    return this.ready && this.sent.size < MOST_IN_FLIGHT;
  }

  async see(canvas) {
    const number = ++this.number;
    this.sent.set(number, performance.now());
    const type = this.mode.lossless ? 'image/png' : 'image/jpeg';
    const blob = await new Promise((done) => canvas.toBlob(done, type, 0.92));
    const head = new DataView(new ArrayBuffer(4));
    head.setUint32(0, number, true);
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(new Blob([head, blob]));
  }

  async hear(data) {
    if (typeof data === 'string') {
      const said = JSON.parse(data);
      if (said.type === 'mode') this.ready = said.mode === this.mode.name;
      if (said.type === 'error') {
        if (said.frame !== undefined) this.forgetUntil(said.frame);
        this.tell({ error: said.message });
      }
      return;
    }
    const length = new DataView(data).getUint32(0, true);
    const said = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
    const began = this.sent.get(said.frame);
    this.forgetUntil(said.frame);
    if (began === undefined || said.mode !== this.mode.name) return;
    const bitmap = await createImageBitmap(new Blob([new Uint8Array(data, 4 + length)], { type: 'image/jpeg' }));
    drawPanels(this.canvases, bitmap, this.mode.gap);
    bitmap.close();
    this.tell({ latency: performance.now() - began, computing: said.latency_ms, note: said.note });
  }

  /** Answers come in order: what was sent before and has none was dropped by the server. */
  forgetUntil(frame) {
    for (const number of [...this.sent.keys()]) if (number <= frame) this.sent.delete(number);
  }

  close() {}
}
