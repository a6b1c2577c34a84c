/** Two soft notes: somebody calls. Made here, so that nothing has to be fetched. */

const NOTES_HZ = [523.25, 659.25];
const NOTE_S = 0.35;

export function chime(): void {
  try {
    const context = new AudioContext();
    NOTES_HZ.forEach((frequency, index) => {
      const start = context.currentTime + index * NOTE_S;
      const oscillator = new OscillatorNode(context, { frequency });
      const gain = new GainNode(context, { gain: 0 });
      gain.gain.linearRampToValueAtTime(0.12, start + 0.03);
      gain.gain.linearRampToValueAtTime(0, start + NOTE_S);
      oscillator.connect(gain).connect(context.destination);
      oscillator.start(start);
      oscillator.stop(start + NOTE_S);
    });
    setTimeout(() => void context.close(), 1500);
  } catch {
    // A page without sound still shows the call.
  }
}
