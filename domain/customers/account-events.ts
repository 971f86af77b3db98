import type { Actor } from '../orders/order';
import type { DomainEvent, EventType } from '../shared/events';
import { accessStream, eventKey } from '../shared/ids';

/** The events of accounts. They carry ids only: names and addresses of mail are read where they are kept. */

/** Why a session was ended before its time. */
export type RevocationReason = 'logout' | 'reuse' | 'password' | 'role' | 'erasure' | 'too_many';

/** Somebody who has not said who they are. */
const GUEST: Actor = { kind: 'guest' };

const customerActor = (customerId: string): Actor => ({ kind: 'customer', id: customerId });

const customerEvent = (
  customerId: string,
  step: string,
  type: EventType,
  atMs: number,
  { actor = customerActor(customerId), data = {} }: { actor?: Actor; data?: Record<string, unknown> } = {},
): DomainEvent => ({
  key: eventKey(customerId, step),
  type,
  stream: customerId,
  subject: customerId,
  actor,
  atMs,
  data,
});

/** There is no customer yet: the stream is that of the token which will make one. */
export const registrationRequested = (tokenId: string, atMs: number): DomainEvent => ({
  key: eventKey(tokenId, 'registration-requested'),
  type: 'RegistrationRequested',
  stream: tokenId,
  subject: tokenId,
  actor: GUEST,
  atMs,
  data: { tokenId },
});

/** @param requestId tells one request from the next. */
export const duplicateRegistrationAttempted = (
  customerId: string,
  requestId: string,
  atMs: number,
): DomainEvent =>
  customerEvent(customerId, `duplicate-registration:${requestId}`, 'DuplicateRegistrationAttempted', atMs, {
    actor: GUEST,
  });

export const accountCreated = (customerId: string, role: string, actor: Actor, atMs: number): DomainEvent =>
  customerEvent(customerId, 'account-created', 'AccountCreated', atMs, { actor, data: { role } });

export const sessionOpened = (customerId: string, sessionId: string, atMs: number): DomainEvent =>
  customerEvent(customerId, `session-opened:${sessionId}`, 'SessionOpened', atMs, { data: { sessionId } });

export const sessionRevoked = (
  customerId: string,
  sessionId: string,
  reason: RevocationReason,
  actor: Actor,
  atMs: number,
): DomainEvent =>
  customerEvent(customerId, `session-revoked:${sessionId}`, 'SessionRevoked', atMs, {
    actor,
    data: { sessionId, reason },
  });

/** Its subject is the token: the mail is about that one. */
export const passwordResetRequested = (customerId: string, tokenId: string, atMs: number): DomainEvent => ({
  ...customerEvent(customerId, `password-reset-requested:${tokenId}`, 'PasswordResetRequested', atMs, {
    actor: GUEST,
    data: { customerId, tokenId },
  }),
  subject: tokenId,
});

/** @param changeId of the token or the session that allowed it, and what tells it from the next one. */
export const passwordChanged = (
  customerId: string,
  changeId: string,
  how: 'changed' | 'reset',
  atMs: number,
): DomainEvent =>
  customerEvent(customerId, `password-changed:${changeId}`, 'PasswordChanged', atMs, { data: { how } });

export const roleChanged = (
  customerId: string,
  role: { from: string; to: string },
  changeId: string,
  actor: Actor,
  atMs: number,
): DomainEvent =>
  customerEvent(customerId, `role-changed:${changeId}`, 'RoleChanged', atMs, { actor, data: role });

/** @param fields the names of what was changed, never what it says. */
export const profileChanged = (
  customerId: string,
  changeId: string,
  fields: readonly string[],
  actor: Actor,
  atMs: number,
): DomainEvent =>
  customerEvent(customerId, `profile-changed:${changeId}`, 'ProfileChanged', atMs, {
    actor,
    data: { fields },
  });

export const customerErased = (customerId: string, actor: Actor, atMs: number): DomainEvent =>
  customerEvent(customerId, 'erased', 'CustomerErased', atMs, { actor });

/** @param subject the customer or the order that was read. */
export const personalDataRead = (
  staffId: string,
  subject: string,
  readId: string,
  actor: Actor,
  atMs: number,
): DomainEvent => ({
  key: eventKey(accessStream(staffId), readId),
  type: 'PersonalDataRead',
  stream: accessStream(staffId),
  subject,
  actor,
  atMs,
  data: {},
});
