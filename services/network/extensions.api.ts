import { extensions as contract } from '../../contract/network/extensions.ts';
import { notFound } from '../../kit/fault.ts';
import { implement } from '../../kit/http/implement.ts';
import { extensions as known } from './extensions.ts';

export const extensions = implement(contract, {
  list: async () => ({ extensions: known.map(shown) }),
  async show(request) {
    const found = known.find(({ alias }) => alias === request.params.alias);
    // neutron/api/extensions.py, ExtensionController.show
    if (!found) throw notFound(`Extension with alias ${request.params.alias} does not exist`, 'HTTPNotFound');
    return { extension: shown(found) };
  },
});

const shown = (extension: (typeof known)[number]) => ({ ...extension, links: [] });
