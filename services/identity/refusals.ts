/** Keystone's refusals in its own words: keystone/exception.py. */
import { badRequest, conflict, Fault, forbidden, notFound, unauthorized } from '../../kit/fault.ts';

/** The same for whatever was wrong: nobody learns which users exist (ATTACKS 20). */
export const notAuthenticated = () => unauthorized('The request you have made requires authentication.', 'Unauthorized');

export const forbiddenAction = (action: string) => forbidden(`You are not authorized to perform the requested action: ${action}.`, 'ForbiddenAction');

const kinds = {
  domain: 'DomainNotFound',
  project: 'ProjectNotFound',
  user: 'UserNotFound',
  group: 'GroupNotFound',
  role: 'RoleNotFound',
  service: 'ServiceNotFound',
  endpoint: 'EndpointNotFound',
  region: 'RegionNotFound',
  'Application Credential': 'ApplicationCredentialNotFound',
  'project tag': 'ProjectTagNotFound',
  trust: 'TrustNotFound',
  credential: 'CredentialNotFound',
  'Access Rule': 'AccessRuleNotFound',
} as const;

export const couldNotFind = (kind: keyof typeof kinds, id: string) => notFound(`Could not find ${kind}: ${id}.`, kinds[kind]);

export const grantNotFound = (roleId: string, actorId: string, placeId: string) =>
  notFound(`Could not find role assignment with role: ${roleId}, user or group: ${actorId}, project, domain, or system: ${placeId}.`, 'RoleAssignmentNotFound');

export const impliedRoleNotFound = (priorId: string, impliedId: string) => notFound(`${priorId} does not imply ${impliedId}.`, 'ImpliedRoleNotFound');

export const alreadyThere = (type: string, details: string) => conflict(`Conflict occurred attempting to store ${type} - ${details}.`, 'Conflict');

export const invalid = (message: string) => badRequest(message, 'ValidationError');

export const passwordUsedBefore = (count: number) =>
  badRequest(`The new password cannot be identical to a previous password. The total number which includes the new password must be unique is ${count}.`, 'PasswordHistoryValidationError');

export const passwordTooYoung = (minimumDays: number, daysLeft: number) =>
  badRequest(
    `You cannot change your password at this time due to the minimum password age. Once you change your password, it must be used for ${minimumDays} day(s) before it can be changed. Please try again in ${daysLeft} day(s) or contact your administrator to reset your password.`,
    'PasswordAgeValidationError',
  );

export const passwordIsLocked = () =>
  badRequest('You cannot change your password at this time due to password policy disallowing password changes. Please contact your administrator to reset your password.', 'PasswordSelfServiceDisabled');

export const badPassword = (description: string | null) => badRequest(`The password does not match the requirements: ${description ?? 'None'}.`, 'PasswordRequirementsValidationError');

/** Told only to whoever knows the password. */
export const passwordExpired = (userId: string) => unauthorized(`The password is expired and needs to be changed for user: ${userId}.`, 'PasswordExpired');

/** keystone/exception.py, ValidationError */
export const missingIn = (attribute: string, target: string) =>
  invalid(`Expecting to find ${attribute} in ${target}. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.`);

/** A refusal whose reason anyone may hear. */
export const notAllowed = (message: string) => new Fault(403, 'ForbiddenNotSecurity', message);

export const immutable = (verb: 'update' | 'delete', type: string, id: string) =>
  notAllowed(`Unable to ${verb} immutable ${type} resource: \`${id}. Set resource option "immutable" to false first.`);

/** keystone/exception.py, ValidationExpirationError */
export const expiresInThePast = () =>
  invalid("The 'expires_at' must not be before now. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.");
