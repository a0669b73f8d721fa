"""A day's work of boto3 on the store at an address: settings, versions, checksums, locks, signed addresses."""
import io
import json
import os
import sys
import urllib.error
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

s3 = boto3.client('s3', endpoint_url=sys.argv[1], config=Config(signature_version='s3v4', s3={'addressing_style': 'path'}))


def refused(code, work, **given):
    try:
        work(**given)
    except ClientError as error:
        assert error.response['Error']['Code'] == code, error
    else:
        raise AssertionError(f'{code} was expected')


s3.create_bucket(Bucket='fourth')
body = os.urandom(11_000_000)
s3.upload_fileobj(io.BytesIO(body), 'fourth', 'big', Config=TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20))
assert s3.get_object(Bucket='fourth', Key='big')['Body'].read() == body
assert s3.get_object(Bucket='fourth', Key='big', Range='bytes=5242870-5242889')['Body'].read() == body[5242870:5242890]
assert s3.get_object_attributes(Bucket='fourth', Key='big', ObjectAttributes=['ObjectParts'])['ObjectParts']['TotalPartsCount'] == 3

for algorithm in ['CRC32', 'SHA1', 'SHA256']:
    put = s3.put_object(Bucket='fourth', Key='small', Body=b'hello', ChecksumAlgorithm=algorithm)
    assert s3.get_object(Bucket='fourth', Key='small', ChecksumMode='ENABLED')['Checksum' + algorithm] == put['Checksum' + algorithm]
refused('InvalidRequest', s3.put_object, Bucket='fourth', Key='small', Body=b'hello', ChecksumCRC32='x')
refused('BadDigest', s3.put_object, Bucket='fourth', Key='small', Body=b'hello', ChecksumCRC32='AAAAAA==')

signed = s3.generate_presigned_url('get_object', Params={'Bucket': 'fourth', 'Key': 'small', 'ResponseContentType': 'text/x'}, ExpiresIn=60)
with urllib.request.urlopen(signed) as reply:
    assert reply.read() == b'hello' and reply.headers['content-type'] == 'text/x'
signed = s3.generate_presigned_url('put_object', Params={'Bucket': 'fourth', 'Key': 'signed'}, ExpiresIn=60)
urllib.request.urlopen(urllib.request.Request(signed, data=b'by address', method='PUT')).close()
assert s3.get_object(Bucket='fourth', Key='signed')['Body'].read() == b'by address'

rules = [{'ID': 'x', 'Status': 'Enabled', 'Filter': {'And': {'Prefix': 'a', 'Tags': [{'Key': 'k', 'Value': 'v'}]}}, 'Expiration': {'Days': 3}}]
s3.put_bucket_lifecycle_configuration(Bucket='fourth', LifecycleConfiguration={'Rules': rules})
assert s3.get_bucket_lifecycle_configuration(Bucket='fourth')['Rules'] == rules
cors = [{'AllowedMethods': ['GET'], 'AllowedOrigins': ['https://example.org']}]
s3.put_bucket_cors(Bucket='fourth', CORSConfiguration={'CORSRules': cors})
assert s3.get_bucket_cors(Bucket='fourth')['CORSRules'] == cors
tags = [{'Key': 'colour', 'Value': 'blue'}]
s3.put_bucket_tagging(Bucket='fourth', Tagging={'TagSet': tags})
s3.put_object_tagging(Bucket='fourth', Key='small', Tagging={'TagSet': tags})
assert s3.get_bucket_tagging(Bucket='fourth')['TagSet'] == s3.get_object_tagging(Bucket='fourth', Key='small')['TagSet'] == tags
policy = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': '*', 'Action': 's3:GetObject', 'Resource': 'arn:aws:s3:::fourth/*'}]}
s3.put_bucket_policy(Bucket='fourth', Policy=json.dumps(policy))
assert json.loads(s3.get_bucket_policy(Bucket='fourth')['Policy']) == policy
project = s3.list_buckets()['Owner']['ID']
with urllib.request.urlopen(f'{sys.argv[1]}/{project}:fourth/small') as reply:
    assert reply.read() == b'hello'
policy['Statement'][0]['Effect'] = 'Deny'
refused('NotImplemented', s3.put_bucket_policy, Bucket='fourth', Policy=json.dumps(policy))
refused('NoSuchWebsiteConfiguration', s3.get_bucket_website, Bucket='fourth')
refused('NotImplemented', s3.put_bucket_website, Bucket='fourth', WebsiteConfiguration={'IndexDocument': {'Suffix': 'i'}})

s3.put_bucket_versioning(Bucket='fourth', VersioningConfiguration={'Status': 'Enabled'})
s3.put_object(Bucket='fourth', Key='small', Body=b'newer')
s3.delete_object(Bucket='fourth', Key='small')
refused('NoSuchKey', s3.get_object, Bucket='fourth', Key='small')
for page in s3.get_paginator('list_object_versions').paginate(Bucket='fourth', PaginationConfig={'PageSize': 2}):
    gone = [{'Key': each['Key'], 'VersionId': each['VersionId']} for each in page.get('Versions', []) + page.get('DeleteMarkers', [])]
    assert 'Errors' not in s3.delete_objects(Bucket='fourth', Delete={'Objects': gone})
s3.delete_bucket(Bucket='fourth')

s3.create_bucket(Bucket='locked', ObjectLockEnabledForBucket=True)
s3.put_object_lock_configuration(Bucket='locked', ObjectLockConfiguration={'ObjectLockEnabled': 'Enabled', 'Rule': {'DefaultRetention': {'Mode': 'GOVERNANCE', 'Days': 1}}})
version = s3.put_object(Bucket='locked', Key='o', Body=b'x')['VersionId']
assert s3.get_object_retention(Bucket='locked', Key='o')['Retention']['Mode'] == 'GOVERNANCE'
refused('AccessDenied', s3.delete_object, Bucket='locked', Key='o', VersionId=version)
refused('InvalidBucketState', s3.put_bucket_versioning, Bucket='locked', VersioningConfiguration={'Status': 'Suspended'})
s3.put_object_legal_hold(Bucket='locked', Key='o', LegalHold={'Status': 'ON'})
refused('AccessDenied', s3.delete_object, Bucket='locked', Key='o', VersionId=version, BypassGovernanceRetention=True)
s3.put_object_legal_hold(Bucket='locked', Key='o', LegalHold={'Status': 'OFF'})
s3.delete_object(Bucket='locked', Key='o', VersionId=version, BypassGovernanceRetention=True)
s3.delete_bucket(Bucket='locked')
