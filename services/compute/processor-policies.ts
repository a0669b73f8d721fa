/** What flavors and images may say together of a guest's processors and pages: nova/virt/hardware.py, numa_get_constraints */
import { badRequest } from '../../kit/fault.ts';

type Specs = Readonly<Record<string, string>>;

/** Throws a Fault for what contradicts itself, or what an image may not ask for with this flavor; says nothing of whether a host has it. */
export function demandPolicies({ vcpus, extraSpecs: specs }: { vcpus: number; extraSpecs: Specs }, image: Specs): void {
  const asked = policyOf(specs, image);
  const threads = threadPolicyOf(specs, image);
  const isolated = specs['hw:emulator_threads_policy'] === 'isolate';
  const [shared, own] = [amountOf(specs, 'VCPU'), amountOf(specs, 'PCPU')];
  if (asked !== undefined && shared + own > 0)
    throw badRequest("It is not possible to use the 'resources:VCPU' or 'resources:PCPU' extra specs in combination with the 'hw:cpu_policy' extra spec or 'hw_cpu_policy' image metadata property; use one or the other");
  if (shared > 0 && own > 0) throw badRequest("It is not possible to specify both 'resources:VCPU' and 'resources:PCPU' extra specs; use one or the other");
  if (own > 0 && isolated && own !== vcpus + 1)
    throw badRequest("You have requested 'hw:emulator_threads_policy=isolate' but have not requested sufficient PCPUs to handle this policy; you must allocate exactly flavor.vcpus + 1 PCPUs.");
  if (own > 0 && !isolated && own !== vcpus) throw badRequest("There is a mismatch between the number of PCPUs requested via 'resourcesNN:PCPU' and the flavor); you must allocate exactly flavor.vcpus PCPUs");
  if (threads !== undefined && Object.keys(specs).some((name) => /^trait([1-9][0-9]*)?:HW_CPU_HYPERTHREADING$/.test(name)))
    throw badRequest("It is not possible to use the 'trait:HW_CPU_HYPERTHREADING' extra spec in combination with the 'hw:cpu_thread_policy' extra spec or 'hw_cpu_thread_policy' image metadata property; use one or the other");
  const policy = own > 0 ? 'dedicated' : shared > 0 ? 'shared' : (asked ?? 'shared');
  if (policy === 'shared' && threads !== undefined) throw badRequest('Cannot set cpu thread pinning policy in a non dedicated cpu pinning policy');
  if (policy === 'shared' && isolated) throw badRequest('An isolated CPU emulator threads option requires a dedicated CPU policy option.');
  demandPageSize(specs['hw:mem_page_size'], image['hw_mem_page_size']);
}

/** What the flavor leaves open, or has as its own, an image may say: get_cpu_policy_constraint */
function policyOf(specs: Specs, image: Specs): string | undefined {
  const [flavors, images] = [specs['hw:cpu_policy'], oneOf(image['hw_cpu_policy'], ['shared', 'dedicated', 'mixed'])];
  if ((flavors === 'mixed' && images === 'dedicated') || (flavors === 'shared' && (images === 'mixed' || images === 'dedicated')))
    throw badRequest("Image property 'hw_cpu_policy' is not permitted to override CPU pinning policy set against the flavor");
  return flavors ?? images;
}

/** `prefer` of a flavor is no more than a wish: get_cpu_thread_policy_constraint */
function threadPolicyOf(specs: Specs, image: Specs): string | undefined {
  const [flavors, images] = [specs['hw:cpu_thread_policy'], oneOf(image['hw_cpu_thread_policy'], ['prefer', 'isolate', 'require'])];
  if (flavors !== undefined && flavors !== 'prefer' && images !== undefined && images !== flavors)
    throw badRequest("Image property 'hw_cpu_thread_policy' is not permitted to override CPU thread pinning policy set against the flavor");
  return flavors ?? images;
}

/** An image chooses only where the flavor leaves it a choice: _get_numa_pagesize_constraint */
function demandPageSize(flavors: string | undefined, images: string | undefined): void {
  if (images === undefined) return;
  if (flavors !== 'any' && flavors !== 'large') throw badRequest(`Page size ${images} forbidden against '${flavors ?? '<empty>'}'`);
  if (!/^(any|large|small|\d+|\d+(\.\d+)?([kKMGT]i?)?(b|bit|B))$/.test(images)) throw badRequest(`Invalid memory page size '${images}'`);
}

/** As an object of an image's properties takes them: nova/objects/image_meta.py, ImageMetaProps */
function oneOf(value: string | undefined, allowed: readonly string[]): string | undefined {
  if (value !== undefined && !allowed.includes(value)) throw badRequest(`Invalid image metadata. Error: Field value ${value} is invalid`);
  return value;
}

/** Of all the groups of a flavor's resources: _get_vcpu_pcpu_resources */
function amountOf(specs: Specs, resourceClass: string): number {
  const name = new RegExp(`^resources([1-9][0-9]*)?:${resourceClass}$`);
  return Object.entries(specs).reduce((sum, [key, value]) => (name.test(key) && /^\d+$/.test(value) ? sum + Number(value) : sum), 0);
}
