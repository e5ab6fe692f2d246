// Thought to image: a frame to /simulate, its waveform and latent back, the latent to /reconstruct,
// a picture back, which is how the two services would talk over a wire (docs/waveform.md).

import { drawWaveforms, drawWhole, layOut } from './drawing.js';

const MOST_IN_FLIGHT = 2;

export default class ThoughtMode {
  /** `open(path, hear, ended)` gives a socket; `lost` is called when one of ours ends by itself. */
  constructor(open, stage, tell, lost) {
    this.open = open;
    this.lost = lost;
    this.closed = false;
    this.tell = tell;
    this.session = crypto.randomUUID ? crypto.randomUUID() : `page-${Date.now()}-${Math.random()}`;
    [this.input, this.plot, this.output] = layOut(stage, ['input', 'waveforms of the electrodes', 'reconstruction']);
    this.began = [];
  }

  get frameSide() {
    return 128;
  }

  begin() {
    const ended = () => {
      if (this.closed) return;
      this.close();
      this.lost(this);
    };
    this.simulate = this.open('/simulate', (data) => this.hearWaveform(data), ended);
    this.relay = this.open('/reconstruct', (data) => this.hearPicture(data), ended);
  }

  forget() {
    this.began = [];
  }

  get wantsFrame() {
    const open = (socket) => socket && socket.readyState === WebSocket.OPEN;
    return open(this.simulate) && open(this.relay) && this.began.length < MOST_IN_FLIGHT;
  }

  async see(canvas) {
    const frame = await createImageBitmap(canvas);
    this.began.push({ time: performance.now(), frame });
    const url = canvas.toDataURL('image/jpeg', 0.92);
    this.simulate.send(JSON.stringify({ session_id: this.session, image_base64: url }));
  }

  hearWaveform(data) {
    const said = JSON.parse(data);
    if (this.refused(said)) return;
    drawWaveforms(this.plot, said.waveform);
    if (this.began.length) drawWhole(this.input, this.began[0].frame);
    this.relay.send(JSON.stringify({ type: said.type, session_id: said.session_id, payload: said.payload }));
    this.latent = said.payload.length;
    this.electrodes = said.waveform.length;
  }

  async hearPicture(data) {
    const said = JSON.parse(data);
    const began = this.began.shift();
    if (!began) return;
    began.frame.close();
    if (this.refused(said)) return;
    const picture = new Image();
    picture.src = said.image_base64;
    await picture.decode();
    drawWhole(this.output, picture);
    const note = `${this.electrodes} electrodes, a latent of ${this.latent} numbers`;
    this.tell({ latency: performance.now() - began.time, note });
  }

  refused(said) {
    if (said.type !== 'error') return false;
    this.began.shift();
    this.tell({ error: said.message });
    return true;
  }

  get canvases() {
    return [this.input, this.plot, this.output];
  }

  close() {
    this.closed = true;
    for (const socket of [this.simulate, this.relay]) if (socket) socket.close();
  }
}
