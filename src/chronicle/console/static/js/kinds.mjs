// What a ledger entry can be about, in words. The kinds are the server's, and for good.

export const KINDS = {
  "upload.received": "a file was received",
  "upload.pinned": "a file was pinned at a provider",
  "upload.removed": "a file was removed",
  "sign_in.granted": "a sign-in was granted",
  "credential.added": "a way to sign in was added",
  "credential.removed": "a way to sign in was removed",
  "credential.changed": "a way to sign in was changed",
  "session.ended": "a session was ended by someone else",
  "recovery.used": "a recovery was used",
  "account.locked": "an account was locked",
  "account.unlocked": "an account was unlocked",
  "account.closed": "an account was closed",
  "admin.action": "an administrator acted",
  "key.rotated": "a key was rotated",
  "security_check.run": "a security check was run",
};
