// The part of the WebAssembly API that is used here. The libraries that this project compiles against do not describe it
// (it stands among those of browsers).

interface Api {
  readonly Memory: new (description: { readonly initial: number }) => KernelMemory;
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => KernelModule;
  readonly Instance: new (
    module: KernelModule,
    imports: { readonly env: { readonly memory: KernelMemory } },
  ) => { readonly exports: Readonly<Record<string, unknown>> };
}

/** Memory that kernels work on. */
export interface KernelMemory {
  readonly buffer: ArrayBuffer;
}

/** A compiled module. */
export type KernelModule = object;

const PAGE_BYTES = 65_536;
const api = (globalThis as unknown as { readonly WebAssembly: Api }).WebAssembly;

/** Memory of at least so many bytes. */
export function createMemory(bytes: number): KernelMemory {
  return new api.Memory({ initial: Math.ceil(bytes / PAGE_BYTES) });
}

/** Compiles a module. @throws Error when the bytes are none */
export function compileModule(bytes: Uint8Array<ArrayBuffer>): KernelModule {
  return new api.Module(bytes);
}

/** The function of that name of a module, on a memory. */
export function bindKernel(module: KernelModule, name: string, memory: KernelMemory): unknown {
  return new api.Instance(module, { env: { memory } }).exports[name];
}
