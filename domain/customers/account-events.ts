import type { Actor } from '../orders/order';
import type { DomainEvent, EventType } from '../shared/events';
import { eventKey, readerStream } from '../shared/ids';

/** Builders of account events. They carry ids only, never names or email addresses. */

/** Why a session was revoked before it expired. */
export type RevocationReason = 'logout' | 'reuse' | 'password' | 'role' | 'erasure' | 'too_many';

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

/** The customer does not exist yet, so the stream is that of the confirmation token. */
export const registrationRequested = (tokenId: string, atMs: number): DomainEvent => ({
  key: eventKey(tokenId, 'registration-requested'),
  type: 'RegistrationRequested',
  stream: tokenId,
  subject: tokenId,
  actor: GUEST,
  atMs,
  data: { tokenId },
});

/** @param requestId makes the event key unique per request. */
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

/** The subject is the token, because the mail is about it. */
export const passwordResetRequested = (customerId: string, tokenId: string, atMs: number): DomainEvent => ({
  ...customerEvent(customerId, `password-reset-requested:${tokenId}`, 'PasswordResetRequested', atMs, {
    actor: GUEST,
    data: { customerId, tokenId },
  }),
  subject: tokenId,
});

/** @param changeId makes the event key unique: the id of the token or session that authorized the change. */
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

/** @param fields names of the changed fields, never their values. */
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
  key: eventKey(readerStream(staffId), readId),
  type: 'PersonalDataRead',
  stream: readerStream(staffId),
  subject,
  actor,
  atMs,
  data: {},
});
