// Which tab works on what. Without the Web Locks API (plain HTTP on other hosts than localhost) each tab does: a repeated call has the same
// Idempotency-Key and doubles nothing.

/** Runs `work` when no other tab of this browser does under the same name; waits for it otherwise, also when that tab closes. */
export function alone(name, work) {
  return navigator.locks ? navigator.locks.request(`prompt2pic.${name}`, work) : work();
}

// HTTP/1.1 allows six connections to a server in all tabs: endless streams must not take all of them.
const MOST_STREAMS = 2;
let streams = 0;

/** Runs `work` if a stream may be opened now; otherwise returns false. */
export async function withStream(work) {
  if (!navigator.locks) {
    if (streams >= MOST_STREAMS) return false;
    streams += 1;
    return work().finally(() => (streams -= 1));
  }
  for (let slot = 0; slot < MOST_STREAMS; ++slot) {
    const result = await navigator.locks.request(`prompt2pic.stream.${slot}`, { ifAvailable: true }, (lock) =>
      lock ? work().then(() => true) : false,
    );
    if (result) return true;
  }
  return false;
}
