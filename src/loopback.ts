/**
 * True if the name certainly means this machine. `x.localhost` isn't among them: some resolvers ask the DNS for it.
 *
 * @param hostname as a URL has it: IPv6 in brackets, IPv4 in its usual form
 */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d+){3}$/.test(hostname);
}
