/** The catalog in a token: keystone/catalog/backends/sql.py, get_v3_catalog. */
import { Type } from 'typebox';

export const Catalog = Type.Array(
  Type.Object({
    endpoints: Type.Array(
      Type.Object({
        id: Type.String(),
        interface: Type.String(),
        region_id: Type.Union([Type.String(), Type.Null()]),
        region: Type.Union([Type.String(), Type.Null()]),
        url: Type.String(),
      }),
    ),
    id: Type.String(),
    type: Type.String(),
    name: Type.String(),
  }),
);
