/** `intercloud image …`: images of the usual systems, from those who make them, and the small one that is made here. */
import { copyFile } from 'node:fs/promises';
import type { Command, Option } from 'commander';
import { createClient } from '../contract/client.ts';
import { image } from '../contract/image/service.ts';
import { buildGuestImage } from '../guest/build.ts';
import { layoutOf, machineCache, stateDirOf } from '../supervisor/config.ts';
import { Failure } from './failure.ts';
import { addImage } from './image-adding.ts';
import { bringGuestImage, demandBuildable } from './image-building.ts';
import { knownImages } from './known-images.ts';
import { asAdmin, asFailure, runningCloud } from './region.ts';
import { table } from './table.ts';

type Shared = { stateOf: (options: { state?: string }) => string; stateOption: () => Option; formatOption: () => Option };
type AddOptions = { state?: string; from?: string; name?: string; private?: boolean; format: string };
type BuildOptions = { state?: string; name: string; private?: boolean; file?: string; format: string };

export function imageCommands(program: Command, { stateOf, stateOption, formatOption }: Shared): void {
  const images = program.command('image').description('images of the usual systems, from those who make them, and one that is made here');
  images
    .command('add <system>')
    .description(`fetch one of ${Object.keys(knownImages).join(', ')}, check its sum, and let everybody use it`)
    .addOption(stateOption())
    .option('--from <url>', 'the folder of another server that has the same files')
    .option('--name <name>', 'what it is called here (default: the name of the system)')
    .option('--private', 'for the project of admin only')
    .addOption(formatOption())
    .action((system: string, options: AddOptions) => add(stateOf(options), system, options));
  images
    .command('build')
    .description('make a small image for trying things, of packages of this machine’s distribution (login: cirros, gocubsgo), and let everybody use it')
    .addOption(stateOption())
    .option('--name <name>', 'what it is called here', 'intercloud-guest')
    .option('--private', 'for the project of admin only')
    .option('--file <path>', 'write it to this file instead: no cloud is asked')
    .addOption(formatOption())
    .action((options: BuildOptions) => build(options.file === undefined ? stateOf(options) : undefined, options));
  images
    .command('known')
    .description('list what can be added')
    .addOption(formatOption())
    .action(({ format }: { format: string }) => known(format));
}

async function add(stateDir: string, system: string, { from, name = system, private: isPrivate = false, format }: AddOptions): Promise<void> {
  const wanted = Object.hasOwn(knownImages, system) ? knownImages[system] : undefined;
  if (!wanted) throw new Failure(`Nobody knows where images of ${system} are`, `One of these: ${Object.keys(knownImages).join(', ')}`);
  const { token, base } = await asAdmin(await runningCloud(stateDir));
  // Without a limit of time: an image is as long as it is.
  const images = createClient(image, { base, token: () => token });
  const shows = process.stderr.isTTY === true;
  const progress = (bytes: number, of: number | undefined) => {
    if (shows) process.stderr.write(`\r… ${name}: ${Math.floor(bytes / 2 ** 20)}${of === undefined ? '' : ` of ${Math.ceil(of / 2 ** 20)}`} MiB`);
  };
  const id = await addImage({ images, fetch, known: wanted, from, name, visibility: isPrivate ? 'private' : 'public', progress }).catch(asFailure);
  if (shows) process.stderr.write('\r\u001B[2K');
  process.stdout.write(format === 'json' ? `${JSON.stringify({ id, name })}\n` : `${name} is here: ${id}\n`);
}

async function build(stateDir: string | undefined, { name, private: isPrivate = false, file, format }: BuildOptions): Promise<void> {
  // Whether there is a cloud is asked before the long part.
  const cloud = stateDir === undefined ? undefined : await runningCloud(stateDir);
  await demandBuildable();
  const shows = process.stderr.isTTY === true;
  const cacheDir = process.getuid?.() === 0 ? machineCache : layoutOf(stateDir ?? stateDirOf(undefined)).cache;
  const { path, sizeBytes } = await buildGuestImage({ cacheDir, onProgress: (line) => void (shows && process.stderr.write(`… ${line}\n`)) });
  if (cloud === undefined) {
    await copyFile(path, file!);
    process.stdout.write(format === 'json' ? `${JSON.stringify({ file, bytes: sizeBytes })}\n` : `The image is in ${file}: ${Math.ceil(sizeBytes / 2 ** 20)} MiB\n`);
    return;
  }
  const { token, base } = await asAdmin(cloud);
  const id = await bringGuestImage({ images: createClient(image, { base, token: () => token }), path, name, visibility: isPrivate ? 'private' : 'public' }).catch(asFailure);
  process.stdout.write(format === 'json' ? `${JSON.stringify({ id, name })}\n` : `${name} is here: ${id}\n`);
}

function known(format: string): void {
  const all = Object.entries(knownImages).map(([name, { from, file, algorithm }]) => ({ name, file, from, algorithm }));
  process.stdout.write(format === 'json' ? `${JSON.stringify(all, null, 2)}\n` : `${table(['Name', 'File', 'From'], all.map(({ name, file, from }) => [name, file, from]))}\n`);
}
