import { extendZodWithOpenApi } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

extendZodWithOpenApi(z);

/** Zod with `.openapi()`. Schemas import it from here, so that it is extended before the first one is built. */
export { z };
