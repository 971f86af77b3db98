export default async function stopSharedServers(): Promise<void> {
  await globalThis.stopSharedServers?.();
}
