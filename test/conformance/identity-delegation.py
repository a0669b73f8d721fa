"""What the stock client does with all that hands rights on: told as JSON, a name for each deed."""
import datetime
import hashlib
import json
import sys
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.twofactor import totp as totp_codes
from keystoneauth1 import exceptions, session
from keystoneauth1.extras import oauth1
from keystoneauth1.identity import v3
from keystoneclient.contrib.ec2 import utils as ec2_utils
from keystoneclient.v3 import client

url, password = sys.argv[1] + '/identity/v3', sys.argv[2]
told = {}


def signed_in(auth):
    each = session.Session(auth=auth)
    return client.Client(session=each, region_name='here'), each


def by_password(name, secret, **scope):
    return v3.Password(auth_url=url, username=name, user_domain_id='default', password=secret, **scope)


def refused(deed):
    try:
        deed()
    except exceptions.HttpError as error:
        return error.http_status
    return None


admin, admin_session = signed_in(by_password('admin', password, project_name='admin', project_domain_id='default'))
admin_id, admin_project = admin_session.get_user_id(), admin_session.get_project_id()
member = [each for each in admin.roles.list() if each.name == 'member'][0]
project = admin.projects.create('web', 'default')
alice = admin.users.create('alice', domain='default', password='a password')
bob = admin.users.create('bob', domain='default', password='b password')
admin.roles.grant(member, user=alice, project=project)
alice_client, alice_session = signed_in(by_password('alice', 'a password', project_id=project.id))
other = admin.projects.create('other', 'default')
admin.roles.grant(member, user=bob, project=other)
bob_client, _ = signed_in(by_password('bob', 'b password', project_id=other.id))

# Trusts
trust = alice_client.trusts.create(trustee_user=bob.id, trustor_user=alice.id, project=project.id, role_names=['member'], impersonation=True,
                                   expires_at=datetime.datetime.utcnow() + datetime.timedelta(hours=1), remaining_uses=2)
_, trusted = signed_in(by_password('bob', 'b password', trust_id=trust.id))
told['trust'] = {
    'acts as alice': trusted.get_user_id() == alice.id,
    'in her project': trusted.get_project_id() == project.id,
    'is listed': [each.id for each in alice_client.trusts.list(trustor_user=alice.id)] == [trust.id],
    'uses left': alice_client.trusts.get(trust.id).remaining_uses,
    'is not listed for others': refused(lambda: bob_client.trusts.list(trustor_user=alice.id)),
}
alice_client.trusts.delete(trust.id)
told['trust']['is gone'] = refused(lambda: alice_client.trusts.get(trust.id))

# Credentials
credential = alice_client.credentials.create(user=alice.id, type='cert', blob='one', project=project.id)
alice_client.credentials.update(credential.id, user=alice.id, type='cert', blob='other')
told['credential'] = {
    'blob': alice_client.credentials.get(credential.id).blob,
    'listed': [each.id for each in alice_client.credentials.list(user_id=alice.id)] == [credential.id],
}
alice_client.credentials.delete(credential.id)
told['credential']['is gone'] = refused(lambda: admin.credentials.get(credential.id))

# Keys for signing
key = alice_client.ec2.create(alice.id, project.id)


def exchanged(request):
    request['signature'] = ec2_utils.Ec2Signer(key.secret).generate(request)
    request['access'] = key.access
    reply = admin_session.post(url + '/ec2tokens', json={'credentials': request}, raise_exc=False)
    return reply.json()['token']['user']['name'] if reply.status_code == 200 else reply.status_code


now = datetime.datetime.utcnow()
day, moment = now.strftime('%Y%m%d'), now.strftime('%Y%m%dT%H%M%SZ')
body_hash = hashlib.sha256(b'Action=DescribeInstances').hexdigest()
authorization = 'AWS4-HMAC-SHA256 Credential=%s/%s/here/ec2/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature=x' % (key.access, day)
told['signatures'] = {
    '1': exchanged({'host': 'h', 'verb': 'GET', 'path': '/', 'params': {'SignatureVersion': '1', 'Action': 'DescribeImages', 'Timestamp': now.isoformat()}}),
    '2': exchanged({'host': 'h', 'verb': 'GET', 'path': '/a b', 'params': {'SignatureVersion': '2', 'Action': "Describe'!(*)~ü", 'Timestamp': now.isoformat()}}),
    '4': exchanged({'host': 'h', 'verb': 'POST', 'path': '/', 'params': {'Action': 'DescribeImages'}, 'body_hash': body_hash,
                    'headers': {'Host': 'h:8773', 'X-Amz-Date': moment, 'X-Amz-Target': ' spaced ', 'Authorization': authorization}}),
    '4 in the query': exchanged({'host': 'h', 'verb': 'GET', 'path': '/', 'body_hash': hashlib.sha256(b'').hexdigest(), 'headers': {'Host': 'h'},
                                 'params': {'Action': 'DescribeImages', 'X-Amz-Algorithm': 'AWS4-HMAC-SHA256', 'X-Amz-Date': moment, 'X-Amz-SignedHeaders': 'host',
                                            'X-Amz-Credential': '%s/%s/here/ec2/aws4_request' % (key.access, day)}}),
    'an old one': exchanged({'host': 'h', 'verb': 'GET', 'path': '/', 'params': {'SignatureVersion': '2', 'Action': 'DescribeImages', 'Timestamp': '2001-01-01T00:00:00Z'}}),
}
told['key'] = {'listed': [each.access for each in alice_client.ec2.list(alice.id)] == [key.access], 'secret': alice_client.ec2.get(alice.id, key.access).secret == key.secret}
alice_client.ec2.delete(alice.id, key.access)
told['key']['is gone'] = refused(lambda: alice_client.ec2.get(alice.id, key.access))

# Application credentials with access rules
limited = alice_client.application_credentials.create('robot', access_rules=[{'service': 'identity', 'method': 'GET', 'path': '/v3/auth/projects'}])
robot, _ = signed_in(v3.ApplicationCredential(auth_url=url, application_credential_id=limited.id, application_credential_secret=limited.secret))
rules = alice_client.access_rules.list(user=alice.id)
told['access rules'] = {
    'allowed': [each.name for each in robot.auth.projects()],
    'refused': refused(lambda: robot.auth.domains()),
    'listed': [(each.method, each.path) for each in rules],
    'in use': refused(lambda: alice_client.access_rules.delete(rules[0].id)),
}
alice_client.application_credentials.delete(limited.id)
alice_client.access_rules.delete(rules[0].id)
told['access rules']['left'] = len(alice_client.access_rules.list(user=alice.id))

# A device, and two factors
secret = b'12345678901234567890'
alice_client.credentials.create(user=alice.id, type='totp', blob='GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ')
codes = totp_codes.TOTP(secret, 6, hashes.SHA1(), 30)
admin.users.update(alice.id, options={'multi_factor_auth_enabled': True, 'multi_factor_auth_rules': [['password', 'totp']]})
_, alone = signed_in(by_password('alice', 'a password', project_id=project.id))
try:
    alone.get_token()
    told['factors'] = {'one': 'is enough'}
except exceptions.MissingAuthMethods as error:
    told['factors'] = {'one': error.required_auth_methods, 'methods': error.methods}
    # With the receipt, the rest is enough.
    rest = v3.TOTP(auth_url=url, user_id=alice.id, passcode=codes.generate(time.time()).decode(), project_id=project.id)
    rest.add_method(v3.ReceiptMethod(receipt=error.receipt))
    told['factors']['receipt'] = bool(session.Session(auth=rest).get_token())
both = v3.MultiFactor(auth_url=url, auth_methods=['v3password', 'v3totp'], user_id=alice.id, password='a password', passcode=codes.generate(time.time() - 30).decode(), project_id=project.id)
told['factors']['both'] = session.Session(auth=both).get_user_id() == alice.id

# Consumers
consumer = admin.oauth1.consumers.create(description='a printer')
request = admin.oauth1.request_tokens.create(consumer.id, consumer.secret, admin_project)
verifier = admin.oauth1.request_tokens.authorize(request.key, [member.id]).oauth_verifier
access = admin.oauth1.access_tokens.create(consumer.id, consumer.secret, request.key, request.secret, verifier)
acting = session.Session(auth=oauth1.V3OAuth1(url, consumer_key=consumer.id, consumer_secret=consumer.secret, access_key=access.key, access_secret=access.secret))
# The client's library has no words for these.
access_tokens = '%s/users/%s/OS-OAUTH1/access_tokens' % (url, admin_id)
told['consumer'] = {
    'acts as admin': acting.get_user_id() == admin_id,
    'listed': [each.id for each in admin.oauth1.consumers.list()] == [consumer.id],
    'access tokens': [each['id'] for each in admin_session.get(access_tokens).json()['access_tokens']] == [access.key],
}
admin_session.delete(access_tokens + '/' + access.key)
acting.invalidate()
told['consumer']['no more'] = refused(acting.get_token)
admin.oauth1.consumers.delete(consumer.id)

# Revocation
token = both.get_token(session.Session())
told['tokens'] = {'valid': admin.tokens.validate(token).user_id == alice.id}
admin.tokens.revoke_token(token)
told['tokens']['revoked'] = refused(lambda: admin.tokens.validate(token))
told['tokens']['list of revoked'] = refused(lambda: admin.tokens.get_revoked())

json.dump(told, sys.stdout)
