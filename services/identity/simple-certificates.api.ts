/** What is said to clients of tokens of an old kind. keystone/api/os_simple_cert.py */
import { simpleCertificates as contract } from '../../contract/identity/simple-certificates.ts';
import { Fault } from '../../kit/fault.ts';
import { implement } from '../../kit/http/implement.ts';

const gone = () => Promise.reject(new Fault(410, 'Gone', 'This API is no longer available due to the removal of support for PKI tokens.'));

export const simpleCertificatesDoor = implement(contract, { authority: gone, list: gone });
