// When to warn, and in which words. Pure.

const MINUTE = 60; // seconds
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

// The marks, in minutes and separated by spaces, as seconds.
export function readMarks(text) {
  return text.split(/\s+/).filter(Boolean).map(minutes => Number(minutes) * MINUTE);
}

// Whether a mark has been passed since the look before, at which there were so many seconds left (Infinity: none was).
// Of several marks passed at once, as by a page that is opened late, it is one warning; none once the time is up.
export function newMark(marks, before, left) {
  return left > 0 && marks.some(mark => left <= mark && mark < before);
}

// A number of seconds in words, rounded down: there is at least so much time.
export function words(left, rest = ' left') {
  if (left <= 0) return 'time is up';
  if (left < MINUTE) return `less than 1 min${rest}`;
  const minutes = Math.floor(left / MINUTE);
  if (left < HOUR) return `${minutes} min${rest}`;
  if (left < DAY) return `${Math.floor(minutes / 60)} h ${minutes % 60} min${rest}`;
  return `${Math.floor(left / DAY)} d ${Math.floor((left % DAY) / HOUR)} h${rest}`;
}
