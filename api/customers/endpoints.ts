import type { Request, Router } from 'express';
import type { Profile } from '../../db/customers/contacts';
import { AppError } from '../../domain/shared/errors';
import { isCustomerId } from '../../domain/shared/ids';
import { changeRole } from '../../services/auth/roles';
import { eraseCustomer } from '../../services/customers/erasure';
import { recordPersonalDataRead } from '../../services/customers/personal-data-reads';
import { getActor } from '../http/auth';
import type { ApiContext } from '../http/context';
import { decodeCursor, toPage } from '../http/pagination';
import { parseBody, parseQuery } from '../http/parse-request';
import { createRouter } from '../http/router';
import { ChangeRoleRequest, type CustomerSummary, ListCustomersQuery } from './schemas';
import { toCustomerResponse, toCustomerSummaryResponse } from './serializers';

/** What staff see and do of customers. Lists say nothing personal; whoever opens one customer leaves a trace. */
export function customerRoutes({ store, identity }: ApiContext): Router {
  const { router, registerRoutes } = createRouter('/api/customers');

  const summaries = async (profiles: Profile[]): Promise<CustomerSummary[]> => {
    const roles = await store.accounts.findRoles(profiles.map((p) => p.customerId));
    return profiles.map((p) => toCustomerSummaryResponse(p, roles.get(p.customerId) ?? null));
  };

  registerRoutes('/', {
    get: async (req, res) => {
      const { email, cursor, limit } = parseQuery(req, ListCustomersQuery);
      if (email !== undefined) {
        const found = await store.contacts.findProfileByEmail(email);
        // Whose address it is, is personal too.
        if (found !== null) await recordPersonalDataRead(identity, getActor(req), found.customerId);
        res.json({ data: await summaries(found === null ? [] : [found]), nextCursor: null });
        return;
      }
      const profiles = await store.contacts.listProfiles({
        ...(cursor === undefined ? {} : { afterId: decodeCursor(cursor, isCustomerId) }),
        limit: limit + 1,
      });
      res.json(
        toPage(
          await summaries(profiles),
          limit,
          (row) => row.id,
          (row) => row,
        ),
      );
    },
  });

  registerRoutes('/:id', {
    get: async (req, res) => {
      const profile = await store.contacts.findProfile(parseCustomerId(req));
      if (profile === null) throw customerNotFound();
      const { customerId } = profile;
      await recordPersonalDataRead(identity, getActor(req), customerId);
      const [account, addresses] = await Promise.all([
        store.accounts.find(customerId),
        store.addresses.findByCustomer(customerId),
      ]);
      res.json(toCustomerResponse(profile, account?.role ?? null, addresses));
    },
  });

  registerRoutes('/:id/role', {
    put: async (req, res) => {
      const { role } = parseBody(req, ChangeRoleRequest);
      await changeRole(identity, parseCustomerId(req), role, getActor(req));
      res.status(204).end();
    },
  });

  registerRoutes('/:id/erasure', {
    post: async (req, res) => {
      await eraseCustomer(identity, parseCustomerId(req), getActor(req));
      res.status(204).end();
    },
  });

  return router;
}

/** @throws Failure `not_found`: an id that cannot be one is a customer who does not exist. */
function parseCustomerId(req: Request): string {
  const { id } = req.params;
  if (typeof id !== 'string' || !isCustomerId(id)) throw customerNotFound();
  return id;
}

const customerNotFound = (): AppError => new AppError('not_found', 'There is no such customer.');
