declare module "aedes-persistence/abstract.js" {
  /** The tests that every persistence of aedes must pass, each given to `test`. */
  export default function abstractPersistence(options: {
    readonly testAsync: true;
    readonly persistence: () => Promise<object>;
    readonly test: (name: string, run: (context: object) => Promise<void>) => void;
  }): void;
}
