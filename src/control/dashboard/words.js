// Numbers and times in words.

export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
export const count = (number) => number.toLocaleString("en");
export const many = (number, one, more) => `${count(number)} ${number === 1 ? one : more}`;
export const decimal = (number) => number.toFixed(1).replace(/\.0$/, "");
export const listed = (texts) => texts.filter(Boolean).join(", ");

// What forkcast marks as a name, for people.
export const quoted = (text) => text.replace(/`([^`]*)`/g, "“$1”");
export const plain = (text) => sentence(quoted(text));

export function bitrate(bitsPerSecond) {
  if (bitsPerSecond >= 999_500) return `${(bitsPerSecond / 1e6).toFixed(bitsPerSecond < 1e8 ? 1 : 0)} Mbit/s`;
  return `${Math.round(bitsPerSecond / 1000)} kbit/s`;
}

export function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) {
    bytes /= 1000;
    unit += 1;
  }
  return `${bytes.toFixed(unit === 0 || bytes >= 100 ? 0 : 1)} ${units[unit]}`;
}

export function clock(seconds) {
  const whole = Math.floor(seconds);
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

export function duration(seconds) {
  if (seconds < 1) return "less than 1 s";
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
  return `${Math.floor(seconds / 86_400)} days`;
}

export const countdown = (ms) => `${Math.ceil(ms / 1000)} s`;
export const soon = (ms) => (ms > 0 ? `in ${countdown(ms)}` : "now");
export const milliseconds = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

// The suite is in the status for those who want it.
export const withoutCipher = (tls) => tls.replace(/ with \w+/, "");
